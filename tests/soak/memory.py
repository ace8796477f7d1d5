"""Memory stays flat: over 200,000 lines of `score --stream`, and 5,000 steps of new shapes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.runs import write_recipe

MIB = 2**20
LINES = 200_000
STEPS = 5_000

MODEL = """task = "translation"
device = "cpu"
precision = "float32"
threads = 1

[data]
source = {{ train = ["{at}/long.en", "{at}/long.de"] }}
pair = ["en", "de"]
batching = {{ kind = "tokens", max_tokens = 400, shuffle_window = 64 }}
max_length = 400

[tokenizer]
model_type = "char"
vocab_size = 270

[model]
embedding_dim = 8
hidden_size = 8
num_layers = 1

[training]
steps = 5000
optimizer = {{ kind = "adam", learning_rate = 1e-3 }}
"""


def resident(pid: int) -> int:
    """The resident memory of a process, in bytes; 0 after its end."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:  # it has ended
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def seqlstm(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "seqlstm", *map(str, arguments)]
    return subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, **options)  # type: ignore[call-overload, no-any-return]


def test_score_stream(language_model: Path) -> None:
    pipe = subprocess.PIPE
    with seqlstm("score", language_model, "--stream", stdin=pipe, stdout=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        early = 0
        for number in range(1, LINES + 1):
            process.stdin.write(b"A woman paints %d houses today.\n" % number)
            if number % 100 == 0:
                process.stdin.flush()
                for _ in range(100):
                    assert process.stdout.readline()
            if number == LINES // 10:
                early = resident(process.pid)
        late = resident(process.pid)
        process.stdin.close()
        assert process.wait() == 0
    assert late - early < 16 * MIB


def test_steps_of_new_shapes(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, MODEL)
    for language in ("en", "de"):  # lines of every length
        lines = [("abc xyz " * 50)[: 1 + number % 390] for number in range(4000)]
        (tmp_path / f"long.{language}").write_text("\n".join(lines) + "\n")
    log, early, late = tmp_path / "run" / "log.jsonl", 0, 0
    with seqlstm("train", recipe, "--run", tmp_path / "run") as process:
        while process.poll() is None:
            late = resident(process.pid) or late
            if not early and log.is_file() and (lines := log.read_text().splitlines()):
                early = late if json.loads(lines[-1])["step"] >= STEPS // 5 else 0
            time.sleep(0.5)
    assert process.returncode == 0
    assert early
    assert late - early < 64 * MIB
