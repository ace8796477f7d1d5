"""300 mutated run folders: one message or success, and never another model's results."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.soak.commands import Commands

COUNT = 300
LINE = b"A woman paints the house today.\n"
VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**70,
    1.5,
    "",
    "x",
    [],
    [1],
    {},
    {"a": 1},
    "\x1b[31m",
)


def damage(run: Path, other: Path, random: Random) -> str:
    """Damage one file of a run folder; what was done."""
    file = random.choice(sorted(path for path in run.iterdir() if path.stat().st_size))
    kind = random.choice(("bit", "cut", "empty", "delete", "other", "bytes", "json", "folder"))
    data = bytearray(file.read_bytes())
    if kind == "bit":
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    elif kind == "cut":
        del data[random.randrange(len(data)) :]
    elif kind == "bytes":
        data[random.randrange(len(data)) :] = random.randbytes(50)
    elif kind == "json" and file.suffix in (".json", ".jsonl"):
        data = bytearray(mutated_json(bytes(data), random))
    file.unlink()
    if kind == "other":
        shutil.copy(other / file.name, file)
    elif kind == "folder":
        file.mkdir()
    elif kind != "delete":
        file.write_bytes(b"" if kind == "empty" else data)
    return f"{kind} {file.name}"


def mutated_json(data: bytes, random: Random) -> bytes:
    """One value of one line, at any depth, replaced or removed."""
    lines = data.splitlines() if data.startswith(b'{"') else [data]
    row = random.randrange(len(lines))
    content = table = json.loads(lines[row])
    while table:
        key = random.choice(sorted(table))
        if isinstance(table[key], dict) and random.random() < 0.8:
            table = table[key]
            continue
        table[key] = random.choice(VALUES)
        if random.random() < 0.3:
            del table[key]
        break
    if random.random() < 0.1:
        content = random.choice(VALUES)
    lines[row] = json.dumps(content).encode()
    return b"\n".join(lines)


@pytest.mark.parametrize("seed", range(COUNT))
def test_a_damaged_run(
    seed: int, commands: Commands, translator: Path, other: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(translator, tmp_path / "run"))
    done = damage(run, other, Random(seed))
    expected = commands.run("translate", translator, text=LINE)
    ended = commands.run("translate", run, text=LINE)
    assert ended.clean, f"{done}: {ended.err.decode()}"
    if ended.code == 0 and b"warning" not in ended.err:
        assert ended.out == expected.out, done
    recipe = translator.parent / "recipe.toml"
    resumed = commands.run("train", recipe, "--run", run, "--resume", "training.steps=61")
    assert resumed.clean, f"{done}: {resumed.err.decode()}"
    for command in ("info", "evaluate"):
        ended = commands.run(command, run)
        assert ended.clean, f"{done}: {command}: {ended.err.decode()}"


@pytest.fixture(scope="module")
def other(commands: Commands, translator: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the same recipe with another seed and tokenizer."""
    run = tmp_path_factory.mktemp("other") / "run"
    recipe = translator.parent / "recipe.toml"
    settings = ("seed=2", "tokenizer.model_type=bpe")
    ended = commands.run("train", recipe, *settings, "--run", run)
    assert ended.code == 0, ended.err.decode()
    return run
