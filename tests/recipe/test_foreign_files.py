"""Flipped bits, files of other runs, and files that are gone: refused by name, never used."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tomllib
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import safetensors.torch
import torch

from seqlstm.errors import DataError, RunError, UserError
from seqlstm.recipe.changes import recipe_digest
from seqlstm.recipe.load import load
from seqlstm.recipe.read import read_recipe
from seqlstm.recipe.train import resume, start
from seqlstm.run.files import CONTENTS
from seqlstm.run.folder import RunFolder
from tests.runs import LANGUAGE_MODEL, TRANSLATOR, answer, invoke, refusal, write_recipe

FEW = ("training.steps=6", "training.validate_every=3", "threads=1")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recipe(tmp_path_factory.mktemp("runs"), LANGUAGE_MODEL)


def trained(file: Path, name: str, *overrides: str) -> Path:
    path = file.parent / name
    list(start(read_recipe(str(file), [*FEW, *overrides]), path).run())
    return path


@pytest.fixture(scope="module")
def whole(file: Path) -> Path:
    return trained(file, "run")


@pytest.fixture(scope="module")
def other(file: Path) -> Path:
    """A run with weights and tokenizer of the same shapes."""
    return trained(file, "other", "seed=2")


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def again(file: Path, run: Path, *overrides: str) -> Any:
    return resume(read_recipe(str(file), [*FEW, "training.steps=9", *overrides]), run)


def flips(data: bytes, count: int) -> list[bytes]:
    """Copies of the data, each with one flipped bit; some in its first and last bytes."""
    random, size, copies = Random(5), len(data), []
    edges = [*range(0, 40, 5), *range(size - 70, size, 7)]
    for place in [*edges, *(random.randrange(size) for _ in range(count))]:
        copy = bytearray(data)
        copy[place] ^= 1 << random.randrange(8)
        copies.append(bytes(copy))
    return copies


@pytest.mark.parametrize("name", ["best", "last"])
def test_flipped_bits_of_weights(run: Path, name: str) -> None:
    path = run / f"{name}.safetensors"
    for damaged in flips(path.read_bytes(), 40):
        path.write_bytes(damaged)
        with pytest.raises(RunError, match=f"{name}.safetensors (is damaged|holds the weights of)"):
            RunFolder.open(run).read_weights(name)


def test_flipped_bits_of_a_checkpoint(run: Path) -> None:
    path = run / "checkpoint.pt"
    for damaged in flips(path.read_bytes(), 60):
        path.write_bytes(damaged)
        with pytest.raises(RunError, match=r"checkpoint\.pt is damaged"):
            RunFolder.open(run).read_checkpoint()


def test_flipped_bits_of_a_tokenizer(run: Path) -> None:
    path = run / "tokenizer.model"
    for damaged in flips(path.read_bytes(), 20):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"tokenizer\.model"):
            RunFolder.open(run).read_tokenizers()


COMMANDS: dict[str, Callable[[Path, Path], list[Any]]] = {
    "score": lambda file, run: ["score", run],
    "generate": lambda file, run: ["generate", run, "x"],
    "evaluate": lambda file, run: ["evaluate", run],
    "resume": lambda file, run: ["train", file, *FEW, "training.steps=9", "--run", run, "--resume"],
    "from": lambda file, run: ["train", file, *FEW, "--run", run.parent / "new", "--from", run],
}
each_command = pytest.mark.parametrize("command", COMMANDS)


@each_command
def test_a_tokenizer_of_another_run(command: str, file: Path, run: Path, other: Path) -> None:
    text = (file.parent / "train.en").read_text()
    (run.parent / "upper.en").write_text(text.upper())
    source = f"{run.parent}/upper.en"
    answer(
        *("tokenizer", "train", source, "--output", run.parent / "foreign.model"),
        *("--vocab-size", "300"),
    )
    (run / "tokenizer.model").write_bytes((run.parent / "foreign.model").read_bytes())
    error = refusal(*COMMANDS[command](file, run), text="x\n")
    assert "the tokenizer has changed since this run began" in error
    assert str(run / "tokenizer.model") in error


@each_command
def test_weights_or_checkpoint_of_another_run(
    command: str, file: Path, run: Path, other: Path
) -> None:
    names = ["checkpoint.pt"] if command == "resume" else ["best.safetensors", "last.safetensors"]
    for name in names:
        shutil.copy(other / name, run / name)
    error = refusal(*COMMANDS[command](file, run), text="x\n")
    assert f"{run / names[0]} " in error
    assert "another run" in error


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"from"}))  # which reads no recipe
def test_a_recipe_of_another_run(command: str, file: Path, run: Path, other: Path) -> None:
    shutil.copy(other / "recipe.toml", run / "recipe.toml")
    error = refusal(*COMMANDS[command](file, run), text="x\n")
    assert f"{run / 'recipe.toml'} is not the recipe with which this run was trained" in error


def test_what_a_person_may_change_in_the_recipe(run: Path) -> None:
    text = (run / "recipe.toml").read_text()
    changed = text.replace('backend = "auto"', 'backend = "loop"')
    changed = changed.replace("threads = 1", "threads = 2")
    assert changed != text
    (run / "recipe.toml").write_text(changed)
    load(run)
    (run / "recipe.toml").write_text(text.replace("seed = 1", "seed = 2"))
    with pytest.raises(RunError, match="is not the recipe"):
        load(run)


def test_a_card_without_fingerprints_does_not_switch_off_the_check(file: Path, run: Path) -> None:
    card = json.loads((run / "run.json").read_text())
    whole = card["data"].pop("fingerprints")
    (run / "run.json").write_text(json.dumps(card))
    with pytest.raises(RunError, match=r"run\.json is damaged: data\.fingerprints: Field required"):
        again(file, run)
    (run / "run.json").write_text(json.dumps(card | {"data": card["data"] | {"fingerprints": {}}}))
    with pytest.raises(DataError, match="the data have changed"):
        again(file, run)
    assert set(whole) == {"train", "validation"}


def test_best_weights_that_are_gone(run: Path) -> None:
    (run / "best.safetensors").unlink()
    with pytest.warns(UserWarning, match=r"best\.safetensors is missing, though step \d was the"):
        load(run)
    result = invoke("score", run, text="The child\n")
    assert "warning: " in result.stderr
    assert "best.safetensors is missing, though step" in result.stderr


def test_a_run_without_validations_has_no_best(file: Path, run: Path) -> None:
    path = run.parent / "no-validation"
    list(start(read_recipe(str(file), [*FEW, "training.validate_every="]), path).run())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(path)


@pytest.mark.parametrize(
    "change", ["training.steps=3", "model.backend=loop", "training.save_every=5"]
)
def test_a_run_that_differs_in_its_plan_is_another_run(file: Path, run: Path, change: str) -> None:
    """Its weights and checkpoints fit, and are those of another training."""
    other = run.parent / "other"
    list(start(read_recipe(str(file), [*FEW, change]), other).run())
    for name in ("best.safetensors", "last.safetensors", "checkpoint.pt"):
        shutil.copy(other / name, run / name)
    for name in ("best", "last"):
        with pytest.raises(RunError, match=f"{name}.safetensors holds the weights of another run"):
            RunFolder.open(run).read_weights(name)
    with pytest.raises(RunError, match=r"checkpoint\.pt belongs to another run"):
        again(file, run)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
@pytest.mark.parametrize("name", CONTENTS)
def test_a_pipe_in_place_of_a_file_is_refused(file: Path, run: Path, name: str) -> None:
    (run / name).unlink(missing_ok=True)
    os.mkfifo(run / name)
    for command in (["info", run], ["score", run], COMMANDS["resume"](file, run)):
        assert f"{run / name} is no regular file" in refusal(*command, text="x\n")


def test_no_memory_for_a_checkpoint_is_no_damage(
    file: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000")

    for place in ("torch.load", "seqlstm.training.loop.TrainingLoop.load_state_dict"):
        with monkeypatch.context() as patch:
            patch.setattr(place, fail)
            result = invoke(*COMMANDS["resume"](file, run))
        assert result.exit_code == 1, result.output
        assert "out of memory: DefaultCPUAllocator" in result.stderr
        assert "damaged" not in result.stderr


def test_a_tokenizer_of_one_side(tmp_path: Path) -> None:
    file = write_recipe(tmp_path, TRANSLATOR)
    few = [*FEW, "tokenizer.joint=false", "tokenizer.vocab_size=300", "model.tie_embeddings=false"]
    list(start(read_recipe(str(file), few), tmp_path / "run").run())
    run = tmp_path / "run"
    shutil.copy(run / "source.model", run / "target.model")
    with pytest.raises(RunError, match=r"target\.model: the tokenizer has changed since this"):
        load(run)


class TestOldFormat:
    """Runs of format 1 have no digests; they are read and resumed as before."""

    @pytest.fixture
    def old(self, run: Path) -> Path:
        card = json.loads((run / "run.json").read_text())
        kept = ("seqlstm", "python", "packages", "machine", "threads", "data", "tokenizer")
        old = {"format": 1} | {key: card[key] for key in kept}
        (run / "run.json").write_text(json.dumps(old))
        for name in ("best", "last"):
            weights = safetensors.torch.load_file(run / f"{name}.safetensors")
            metadata = {"seqlstm": "format 1, step 6"}
            safetensors.torch.save_file(weights, run / f"{name}.safetensors", metadata)
        contents = torch.load(run / "checkpoint.pt", weights_only=True)
        del contents["run"]
        torch.save(contents, run / "checkpoint.pt")
        return run

    def test_it_is_read(self, old: Path, whole: Path) -> None:
        found, expected = (RunFolder.open(path).read_weights() for path in (old, whole))
        assert all(torch.equal(found[name], expected[name]) for name in expected)
        load(old)
        assert "machine" in answer("info", old)

    def test_it_is_resumed_as_often_as_you_like(self, file: Path, old: Path, run: Path) -> None:
        list(again(file, old).run())
        list(again(file, old, "training.steps=12").run())
        longer = trained(file, f"longer-{old.parent.name}", "training.steps=12")
        found, expected = (RunFolder.open(path).read_weights("last") for path in (old, longer))
        assert all(torch.equal(found[name], expected[name]) for name in expected)

    def test_without_a_checkpoint_its_end_is_remembered(self, file: Path, old: Path) -> None:
        (old / "checkpoint.pt").unlink()
        with pytest.raises(RunError, match=r"checkpoint\.pt is missing"):
            again(file, old)

    def test_a_new_run_does_not_pass_as_an_old_one(self, run: Path, old: Path, file: Path) -> None:
        card = json.loads((old / "run.json").read_text()) | {"format": 2}
        (old / "run.json").write_text(json.dumps(card))
        with pytest.raises(RunError, match="run is missing"):
            load(old)


class TestResumeReports:
    def test_it_names_the_step_and_what_was_changed(self, file: Path, run: Path) -> None:
        prepared = again(file, run, "training.save_every=2")
        assert any(line.startswith("resuming at step 6, epoch ") for line in prepared.notes)
        assert "changed: training.steps from 6 to 9" in prepared.notes
        assert "changed: training.save_every from 500 to 2" in prepared.notes
        assert prepared.warnings == []

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"threads": 2}, "threads 2, now 1"),
            ({"precision": "bfloat16"}, "precision bfloat16, now float32"),
            ({"device": "cuda"}, "device cuda, now cpu"),
            ({"kernels": None}, None),
            ({"processor": "an abacus"}, "processor an abacus, now "),
            ({"packages": {"torch": "1.0"}}, "torch 1.0, now "),
            ({"seqlstm": "0.0.1"}, "seqlstm 0.0.1, now "),
            ({"backends": {"stack 1": "magic"}}, "backend of stack 1 magic, now "),
        ],
        ids=str,
    )
    def test_another_environment_is_a_warning(
        self, file: Path, run: Path, change: dict[str, Any], message: str | None
    ) -> None:
        card = json.loads((run / "run.json").read_text()) | change
        (run / "run.json").write_text(json.dumps(card))
        prepared = again(file, run)
        if message is None:
            assert prepared.warnings == []
        else:
            far = bool(change.keys() & {"device", "precision"})
            extent = "may differ from those" if far else "may differ in their last bits from those"
            assert f"the weights {extent}" in prepared.warnings[0]
            assert message in prepared.warnings[0]

    def test_other_threads(self, file: Path, run: Path) -> None:
        threads = torch.get_num_threads()
        text = (run / "recipe.toml").read_text()
        (run / "recipe.toml").write_text(text.replace("threads = 1", "threads = 2"))
        try:
            prepared = again(file, run, "threads=2")
        finally:
            torch.set_num_threads(threads)
        assert "threads 1, now 2" in prepared.warnings[0]

    def test_no_compiler(self, file: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("seqlstm.recipe.prepare.are_kernels_compiled", lambda: False)
        assert "kernels True, now False" in again(file, run).warnings[0]

    def test_the_command_shows_them(self, file: Path, run: Path) -> None:
        card = json.loads((run / "run.json").read_text()) | {"threads": 3}
        (run / "run.json").write_text(json.dumps(card))
        (run / "log.jsonl").write_bytes(b"\xff\n" + (run / "log.jsonl").read_bytes())
        result = invoke("train", file, *FEW, "training.steps=9", "--run", run, "--resume")
        assert result.exit_code == 0, result.output
        assert "resuming at step 6, epoch " in result.stderr
        assert "changed: training.steps from 6 to 9" in result.stderr
        assert "threads 3, now 1" in result.stderr
        assert "log.jsonl: damaged lines were left out: 1" in result.stderr


def test_an_origin_that_has_changed(file: Path, run: Path, tmp_path: Path) -> None:
    recipe = read_recipe(str(file), [*FEW, "seed=3"])
    start(recipe, tmp_path / "child", origin=run).lock.release()
    list(again(file, run).run())
    with pytest.raises(RunError, match="are others than when this run began from them"):
        resume(recipe, tmp_path / "child")


@pytest.mark.parametrize(
    "moment", ["write_recipe", "truncate_log", "save_tokenizers", "second write_card", "none"]
)
def test_a_resumption_killed_between_its_writes(
    file: Path, run: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run's recipe lacks a key, as if it were of an older seqlstm, and is replaced."""
    text = (run / "recipe.toml").read_text()
    older = text.replace("gradient_accumulation = 1\n", "")
    assert older != text
    (run / "recipe.toml").write_text(older)
    card = json.loads((run / "run.json").read_text())
    card["recipe"] = [recipe_digest(tomllib.loads(older))]
    (run / "run.json").write_text(json.dumps(card))
    name, calls = moment.removeprefix("second "), iter((moment.startswith("second"), False))
    original = getattr(RunFolder, name, None)

    def kill(self: RunFolder, *arguments: Any) -> None:
        if not next(calls):
            raise KeyboardInterrupt
        assert original is not None
        original(self, *arguments)

    with monkeypatch.context() as patch:
        if original:
            patch.setattr(RunFolder, name, kill)
            with pytest.raises(KeyboardInterrupt):
                again(file, run)
        else:
            again(file, run)
    load(run)
    list(again(file, run).run())
    assert "gradient_accumulation = 1" in (run / "recipe.toml").read_text()
    assert len(json.loads((run / "run.json").read_text())["recipe"]) == 1


@pytest.mark.parametrize("moment", ["save_weights", "save_checkpoint", "write_card"])
def test_a_training_killed_between_its_first_writes(
    file: Path, whole: Path, tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each of the first writes: the best weights, the last, the checkpoint, the card."""
    counts = {"save_weights": 2, "save_checkpoint": 1, "write_card": 1}
    for last in range(1, counts[moment] + 1):
        run = tmp_path / f"run-{last}"
        training = start(read_recipe(str(file), FEW), run)
        calls, original = iter(range(1, 100)), getattr(RunFolder, moment)

        def kill(
            *arguments: Any,
            last: int = last,
            calls: Any = calls,
            original: Callable[..., None] = original,
            **options: Any,
        ) -> None:
            original(*arguments, **options)
            if next(calls) == last:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(RunFolder, moment, kill)
            with pytest.raises(KeyboardInterrupt):
                list(training.run())
        list(resume(read_recipe(str(file), FEW), run).run())
        for name in ("best", "last"):
            path = Path(f"{name}.safetensors")
            assert (run / path).read_bytes() == (whole / path).read_bytes()
