"""Two of everything at once: one owner of a folder; all readers see whole files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.runs import LANGUAGE_MODEL, TRANSLATOR, write_recipe
from tests.soak.commands import Commands, Ended, Running
from tests.soak.kills import assert_equal

ROUNDS = 20

SWEEP = """recipe = "{recipe}"
seeds = [1, 2]
score = "bits_per_byte"
baseline = "small"

[[variants]]
name = "small"

[[variants]]
name = "large"
set = {{ model = {{ hidden_size = 40 }} }}
"""


def both(first: Running, second: Running) -> list[Ended]:
    ended = [first.wait(), second.wait()]
    assert all(end.clean for end in ended), [end.err.decode() for end in ended]
    return ended


def test_trainings(commands: Commands, tmp_path: Path) -> None:
    """Of two trainings into one folder, one is refused, and the other is as if it were alone."""
    first = write_recipe(tmp_path, LANGUAGE_MODEL)
    second = tmp_path / "second.toml"
    second.write_text(first.read_text().replace("task =", "seed = 2\ntask =", 1))
    alone = {path: tmp_path / f"alone-{path.stem}" for path in (first, second)}
    for path, folder in alone.items():
        assert commands.run("train", path, "--run", folder).code == 0
    run = tmp_path / "run"
    for round in range(ROUNDS):
        option = ["--overwrite"] if round else []
        running = [commands.start("train", path, "--run", run, *option) for path in alone]
        codes = [end.code for end in both(*running)]
        assert sorted(codes) in ([0, 2], [0, 0])  # (0, 0): one after the other
        owners = [path for path, code in zip(alone, codes, strict=True) if code == 0]
        seed = int("seed = 2" in (run / "recipe.toml").read_text())
        assert [*alone][seed] in owners
        assert_equal(run, [*alone.values()][seed])


def test_a_training_and_its_readers(commands: Commands, tmp_path: Path) -> None:
    path, run = write_recipe(tmp_path, TRANSLATOR), tmp_path / "run"
    assert commands.run("train", path, "--run", run).code == 0
    text = b"A woman paints the house today.\n"
    for _ in range(ROUNDS):
        training = commands.start("train", path, "--run", run, "--overwrite")
        while (end := training.poll()) is None:
            for reader in (("translate", run), ("info", run)):
                ended = commands.run(*reader, text=text)
                assert ended.clean, ended.err.decode()
        assert end.code == 0, end.err.decode()


def test_sweeps(commands: Commands, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, LANGUAGE_MODEL)
    recipe.write_text(recipe.read_text().replace("steps = 60", "steps = 10"))
    sweep = tmp_path / "sweep.toml"
    sweep.write_text(SWEEP.format(recipe=recipe))
    probe = commands.run("sweep", sweep, "--run", tmp_path / "alone")
    assert probe.clean, probe.err.decode()
    folder = tmp_path / "sweep"
    ended = both(*(commands.start("sweep", sweep, "--run", folder) for _ in range(2)))
    assert sorted(end.code for end in ended) in ([probe.code, 2], [probe.code] * 2)


def test_tokenizers_and_results(commands: Commands, translator: Path, tmp_path: Path) -> None:
    """Two writers of one file leave one whole file and no temporary one."""
    lines = translator.parent / "train.en"
    model = tmp_path / "out" / "t.model"
    model.parent.mkdir()
    options = ("--vocab-size", 300, "--overwrite")
    for _ in range(ROUNDS):
        train = ("tokenizer", "train", lines, "-o", model, *options)
        assert [end.code for end in both(*(commands.start(*train) for _ in range(2)))] == [0, 0]
        assert commands.run("tokenizer", "encode", model, lines).code == 0
        assert [file.name for file in model.parent.iterdir()] == [model.name]
    results = tmp_path / "out" / "results.txt"
    for _ in range(ROUNDS):
        option = ("--output", results, "--overwrite")
        evaluate = ("evaluate", translator, *option)
        assert [end.code for end in both(*(commands.start(*evaluate) for _ in range(2)))] == [0, 0]
        assert results.read_bytes().count(b"\n") == 20


def test_a_copied_run(commands: Commands, translator: Path, tmp_path: Path) -> None:
    """A run that is trained on in two copies: each goes on as the other."""
    copies = [Path(shutil.copytree(translator, tmp_path / name)) for name in ("a", "b")]
    recipe = translator.parent / "recipe.toml"
    both(
        *(
            commands.start("train", recipe, "--run", copy, "--resume", "training.steps=90")
            for copy in copies
        )
    )
    assert_equal(*copies)
    assert json.loads((copies[0] / "log.jsonl").read_text().splitlines()[-1])["step"] == 90
