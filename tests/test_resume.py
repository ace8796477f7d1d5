"""Runs stopped or killed at any moment and resumed equal an uninterrupted run, bit for bit.

The processes are real ones and are really killed. Each run is stopped and resumed several times.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.runs import write_recipe

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

INTERRUPTED = Path(__file__).with_name("interrupted.py")
TIMEOUT = 600  # seconds until a process counts as hanging, on a busy machine

TRANSLATOR = """# Token batches, dropout, subword sampling, accumulation, an average, patience.
task = "translation"
device = "cpu"
threads = 1

[data]
source = {{ train = ["{at}/train.en", "{at}/train.de"], \
validation = ["{at}/validation.en", "{at}/validation.de"] }}
pair = ["en", "de"]
batching = {{ kind = "tokens", max_tokens = 150, shuffle_window = 64 }}

[tokenizer]
vocab_size = 320
subword_regularization = 0.2

[model]
embedding_dim = 12
hidden_size = 16
num_layers = 2
dropout = {{ embedding = 0.1, inter_layer = 0.2, output = 0.2 }}

[training]
steps = 40
optimizer = {{ kind = "adam", learning_rate = 1e-2 }}
schedule = {{ kind = "cosine", warmup_steps = 5 }}
gradient_accumulation = 2
label_smoothing = 0.1
averaging = {{ kind = "exponential", decay = 0.9 }}
validate_every = 4
save_every = 7
patience = 3
"""

LANGUAGE_MODEL = """# Streams, carried state, dropout, weight drop, sampling, checkpoint averaging.
task = "language-model"
device = "cpu"
threads = 1
precision = "float32"

[data]
source = {{ train = "{at}/train.en", validation = "{at}/validation.en" }}
text = "text"
batching = {{ kind = "stream", batch_size = 4, bptt = 20 }}

[tokenizer]
model_type = "bpe"
vocab_size = 310
subword_regularization = 0.1

[model]
embedding_dim = 12
hidden_size = 16
dropout = {{ embedding = 0.1, output = 0.2, weight_drop = 0.2 }}

[training]
steps = 70
optimizer = {{ kind = "adamw", learning_rate = 1e-2, weight_decay = 0.1 }}
schedule = {{ kind = "plateau", patience = 1 }}
averaging = {{ kind = "last", checkpoints = 3 }}
validate_every = 13
save_every = 10
"""

Process = subprocess.Popen[str]


class Run:
    """A run that a test stops and resumes.

    Args:
        recipe: the recipe file.
        folder: the run folder.
    """

    def __init__(self, recipe: Path, folder: Path) -> None:
        self.command = ["train", str(recipe), "--run", str(folder)]
        self.folder = folder
        self.ready_file = folder.with_name(f"{folder.name}.ready")

    def start(self, *program: str) -> Process:
        """Start a process that begins or resumes the run."""
        resume = ["--resume"] if self.folder.is_dir() else []
        command = [sys.executable, *program, *self.command, *resume]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def start_and_pause(self, moment: str, count: int) -> Process:
        """Start a process, and wait until it pauses at a moment of `interrupted.py`."""
        self.ready_file.unlink(missing_ok=True)
        process = self.start("-P", str(INTERRUPTED), moment, str(count), str(self.ready_file))
        deadline = time.monotonic() + TIMEOUT
        while not self.ready_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise AssertionError(f"no {moment} {count}: {process.communicate()}")
            time.sleep(0.02)
        return process

    def stop(self, moment: str, count: int, number: signal.Signals) -> int:
        """Send a signal at a moment; the exit code of the process."""
        process = self.start_and_pause(moment, count)
        process.send_signal(number)
        process.communicate(timeout=TIMEOUT)
        return process.returncode

    def finish(self, *program: str) -> tuple[int, str]:
        """Run to the end; exit code and messages."""
        process = self.start(*(program or ("-m", "seqlstm")))
        _, messages = process.communicate(timeout=TIMEOUT)
        return process.returncode, messages

    def saved_step(self) -> int:
        """The step of the checkpoint."""
        contents = torch.load(self.folder / "checkpoint.pt", weights_only=True)
        step: int = contents["progress"]["step"]
        return step

    def weights(self) -> dict[str, str]:
        """Digests of the weight files."""
        files = {name: self.folder / f"{name}.safetensors" for name in ("best", "last")}
        return {name: sha256(file.read_bytes()).hexdigest() for name, file in files.items()}

    def log(self) -> list[dict[str, Any]]:
        """The lines of the log, without measured times."""
        lines = [json.loads(line) for line in (self.folder / "log.jsonl").read_text().splitlines()]
        for line in lines:
            del line["seconds"]
            line.get("values", {}).pop("tokens_per_second", None)
        return lines

    def leftovers(self) -> list[str]:
        return [path.name for path in self.folder.iterdir() if path.suffix == ".tmp"]


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        "translator": write_recipe(tmp_path_factory.mktemp("translator"), TRANSLATOR),
        "language model": write_recipe(tmp_path_factory.mktemp("language"), LANGUAGE_MODEL),
    }


@pytest.fixture(scope="module")
def uninterrupted(recipes: dict[str, Path]) -> Iterator[dict[str, tuple[Run, Process]]]:
    """Uninterrupted runs in the background; `assert_same` waits for their end."""
    runs = {name: Run(recipe, recipe.parent / "whole") for name, recipe in recipes.items()}
    running = {name: (run, run.start("-m", "seqlstm")) for name, run in runs.items()}
    yield running
    for _, process in running.values():
        process.kill()
        process.communicate()


def assert_same(run: Run, expected: tuple[Run, Process]) -> None:
    """Check that weights are equal bit for bit, and all lines of the log."""
    other, process = expected
    _, messages = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, messages
    assert run.weights() == other.weights()
    assert run.log() == other.log()
    assert run.leftovers() == []


def test_a_translator_stopped_several_times(
    recipes: dict[str, Path], uninterrupted: dict[str, tuple[Run, Process]]
) -> None:
    recipe = recipes["translator"]
    run = Run(recipe, recipe.parent / "stopped")
    killed = -signal.SIGKILL
    # A validation has saved the best weights; there is no checkpoint yet.
    assert run.stop("best", 1, signal.SIGKILL) == killed
    assert not (run.folder / "checkpoint.pt").exists()
    # The second checkpoint is written but not yet renamed; the first one is in place.
    assert run.stop("checkpoint", 2, signal.SIGKILL) == killed
    assert run.saved_step() == 4
    # At any step, after the end of the first epoch.
    assert run.stop("step", 13, signal.SIGKILL) == killed
    assert run.saved_step() in (8, 12)
    # Ctrl-C between two checkpoints saves and stops.
    assert run.stop("step", 17, signal.SIGINT) == 130
    assert run.saved_step() == 17
    assert run.finish()[0] == 0
    assert_same(run, uninterrupted["translator"])


def test_a_language_model_stopped_several_times(
    recipes: dict[str, Path], uninterrupted: dict[str, tuple[Run, Process]]
) -> None:
    recipe = recipes["language model"]
    run = Run(recipe, recipe.parent / "stopped")
    killed = -signal.SIGKILL
    # The weights are newer than the checkpoint.
    assert run.stop("last", 2, signal.SIGKILL) == killed
    assert run.saved_step() == 10
    # In the middle of writing a checkpoint.
    assert run.stop("half", 2, signal.SIGKILL) == killed
    assert run.saved_step() == 13
    assert [name.partition(".pt.")[0] for name in run.leftovers()] == ["checkpoint"]
    # At any step, after the end of the first epoch.
    assert run.stop("step", 47, signal.SIGKILL) == killed
    assert run.saved_step() == 40
    assert run.stop("step", 55, signal.SIGTERM) == 143
    assert run.saved_step() == 55
    assert run.finish()[0] == 0
    assert_same(run, uninterrupted["language model"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_leaves_the_last_checkpoint(recipes: dict[str, Path]) -> None:
    recipe = recipes["language model"]
    run = Run(recipe, recipe.parent / "full")
    code, messages = run.finish("-P", str(INTERRUPTED), "disk-full", "2", str(run.ready_file))
    assert code == 2
    assert "checkpoint.pt could not be written: No space left on device" in messages
    assert "--resume" in messages
    assert "Traceback" not in messages
    assert run.saved_step() == 10
    assert run.leftovers() == []
