"""Two at once on one folder: the second is refused, and readers go on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqlstm.cli.output_files import write_output
from seqlstm.errors import ArgumentError, RunError
from seqlstm.recipe.load import load
from seqlstm.recipe.read import read_recipe, read_run_recipe
from seqlstm.recipe.train import resume, start
from seqlstm.run.card import CardData, card_contents, make_card, parse_card
from seqlstm.run.folder import RunFolder
from seqlstm.run.lock import FolderLock
from tests.runs import LANGUAGE_MODEL, answer, refusal, write_recipe
from tests.sweep.conftest import CELLS, SWEEP

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="fcntl of POSIX")
FEW = ("training.steps=3", "training.validate_every=", "threads=1")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_recipe(tmp_path, LANGUAGE_MODEL)


def test_two_that_overwrite_at_the_same_instant(file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "seqlstm", "train", str(file), "--run", str(run)]
    command += ["--overwrite", "threads=1", "training.steps=120", "training.validate_every="]
    processes = [
        subprocess.Popen([*command, f"seed={seed}"], stderr=subprocess.PIPE, text=True)
        for seed in (1, 2)
    ]
    messages = [process.communicate(timeout=300)[1] for process in processes]
    codes = [process.returncode for process in processes]
    assert sorted(codes) == [0, 2], messages
    winner, loser = codes.index(0), codes.index(2)
    assert f"is in use by process {processes[winner].pid} on " in messages[loser]
    assert f"seed={winner + 1}" in messages[loser]
    assert f"seed = {winner + 1}\n" in (run / "recipe.toml").read_text()
    load(run)
    assert "120 steps" in answer("info", run)


def test_while_one_trains_others_read_and_none_writes(file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    recipe = read_recipe(str(file), [*FEW, "training.save_every=1"])
    training = start(recipe, run).run()
    while next(training).kind != "checkpoint":
        pass
    for options in (["--resume"], ["--overwrite"], []):
        error = refusal("train", file, *FEW, "training.save_every=1", "--run", run, *options)
        assert f"is in use by process {os.getpid()} on " in error
    answer("score", run, text="The child\n")
    answer("info", run)
    start(recipe, tmp_path / "second", origin=run)
    list(training)
    assert RunFolder.open(run).read_checkpoint()["progress"]["step"] == 3


def test_a_folder_removed_while_it_is_trained(file: Path, tmp_path: Path) -> None:
    recipe = read_recipe(str(file), FEW)
    training = start(recipe, tmp_path / "run").run()
    next(training)
    (tmp_path / "run").rename(tmp_path / "old")
    second = start(recipe, tmp_path / "run")
    with pytest.raises(RunError, match="was removed or replaced"):
        list(training)
    assert not (tmp_path / "run" / "last.safetensors").exists()
    list(second.run())


def test_a_run_that_fails_to_start_leaves_nothing(file: Path, tmp_path: Path) -> None:
    (tmp_path / "train.en").unlink()
    refusal("train", file, "--run", tmp_path / "runs" / "mine")
    assert not (tmp_path / "runs").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no Unicode")
def test_names_that_are_not_utf8_delete_nothing(file: Path, tmp_path: Path) -> None:
    run, odd = tmp_path / "run", tmp_path / "r\udcff"
    recipe = read_recipe(str(file), FEW)
    list(start(recipe, run).run())
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    source = f"data.source={odd}/train.tsv"
    error = refusal("train", file, *FEW, source, "--run", run, "--overwrite")
    assert "data.source: the value is not UTF-8" in error
    list(start(recipe, odd).run())  # a folder of any name serves
    error = refusal("train", file, *FEW, "--run", run, "--overwrite", "--from", odd)
    assert "the run to start from: the path is not UTF-8" in error
    data = recipe.data.model_copy(update={"source": {"train": f"{odd}/train.tsv"}})
    with pytest.raises(ArgumentError, match="the recipe: the path is not UTF-8"):
        start(recipe.model_copy(update={"data": data}), run, overwrite=True)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_a_draft_for_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="a path in it is not UTF-8"):
        write_output(tmp_path / "draft.toml", 'source = "d\udcff"\n')
    assert not (tmp_path / "draft.toml").exists()


def test_a_name_in_a_note_that_is_not_utf8() -> None:
    notes = ["d\udcff/train.tsv: 3 lines"]
    data = CardData(fingerprints={}, notes=notes, warnings=["ü"])
    card = make_card(data=data, tokenizer="none", run="a", recipe=("any",))
    read = parse_card(card_contents(card), Path("run.json"))
    assert read.data.notes == ["d?/train.tsv: 3 lines"]
    assert read.model_copy(update={"data": data}) == card


PREPARED = """
import sys
from pathlib import Path
from seqlstm.recipe.read import read_recipe
from seqlstm.recipe.train import start
prepared = start(read_recipe(sys.argv[1], ["training.steps=3"]), Path(sys.argv[2]))
"""


def test_a_prepared_run_that_never_trains_leaves_no_lock(file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PREPARED, str(file), str(tmp_path / "run")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    names = sorted(os.listdir(tmp_path / "run"))
    assert names == ["recipe.toml", "run.json", "tokenizer.model"]


def test_reading_locks_nothing(file: Path, tmp_path: Path) -> None:
    """So a folder that may not be written to can be read."""
    list(start(read_recipe(str(file), FEW), tmp_path / "run").run())
    before = {path.name: path.stat() for path in (tmp_path / "run").iterdir()}
    changed = (tmp_path / "run").stat().st_mtime_ns
    load(tmp_path / "run")
    answer("info", tmp_path / "run")
    assert {path.name: path.stat() for path in (tmp_path / "run").iterdir()}.keys() == before.keys()
    assert (tmp_path / "run").stat().st_mtime_ns == changed
    assert "seqlstm.lock" not in before


def test_leftovers_of_the_killed_are_removed(file: Path, tmp_path: Path) -> None:
    recipe = read_recipe(str(file), FEW)
    training = start(recipe, tmp_path / "run").run()
    next(training)
    del training
    left = [f"checkpoint.pt.123-{'a' * 16}.tmp", "last.safetensors.tmp", "seqlstm.lock"]
    for name in left:
        (tmp_path / "run" / name).write_bytes(b"half")
    list(resume(recipe, tmp_path / "run").run())
    assert not {*left} & {*os.listdir(tmp_path / "run")}
    other = tmp_path / "run" / f"thesis.tex.123-{'a' * 16}.tmp"
    other.write_bytes(b"not ours")
    with pytest.raises(RunError, match="holds other things"):
        start(recipe, tmp_path / "run", overwrite=True)
    assert other.exists()


class TestSweeps:
    def sweep(self, tmp_path: Path) -> Path:
        path = tmp_path / "sweep.toml"
        path.write_text(SWEEP + CELLS)
        return path

    def test_two_at_once(self, file: Path, tmp_path: Path) -> None:
        with FolderLock(tmp_path / "out"):
            error = refusal("sweep", self.sweep(tmp_path), "--run", tmp_path / "out")
            assert f"{tmp_path / 'out'} is in use by process {os.getpid()}" in error
            answer("sweep", self.sweep(tmp_path), "--run", tmp_path / "out", "--dry")

    def test_a_run_of_it_that_is_trained_elsewhere(self, file: Path, tmp_path: Path) -> None:
        job = tmp_path / "out" / "elman" / "1"
        with FolderLock(job):
            error = refusal("sweep", self.sweep(tmp_path), "--run", tmp_path / "out")
            assert f"{job} is in use by process {os.getpid()}" in error
        answer("sweep", self.sweep(tmp_path), "--run", tmp_path / "out")
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
            *("elman", "lstm", "picture.png", "results.json", "table.md")
        ]


def test_weights_are_equal_however_they_are_reached(file: Path, tmp_path: Path) -> None:
    """The files of equal runs are equal byte for byte, digests included."""
    recipe = read_recipe(str(file), FEW)
    for name in ("one", "other"):
        list(start(recipe, tmp_path / name).run())
    files = [(tmp_path / name / "last.safetensors").read_bytes() for name in ("one", "other")]
    assert files[0] == files[1]


@pytest.mark.parametrize("read", ["read_tokenizers", "read_weights", "read_recipe"])
def test_a_run_replaced_while_it_is_read(file: Path, tmp_path: Path, read: str) -> None:
    """What was opened as one run is never completed with files of the next one."""
    list(start(read_recipe(str(file), FEW), tmp_path / "run").run())
    opened = RunFolder.open(tmp_path / "run")
    other = read_recipe(str(file), [*FEW, "seed=2", "tokenizer.vocab_size=290"])
    list(start(other, tmp_path / "run", overwrite=True).run())
    with pytest.raises(RunError, match="was replaced meanwhile") as caught:
        read_run_recipe(opened) if read == "read_recipe" else getattr(opened, read)()
    assert caught.value.hint == "Try again."
