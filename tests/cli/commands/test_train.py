"""`seqlstm train`: its output, and existing run folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runs import LANGUAGE_MODEL, answer, invoke, refusal, write_recipe


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_recipe(tmp_path, LANGUAGE_MODEL)


def test_it_prints_data_progress_and_result(recipe: Path, tmp_path: Path) -> None:
    result = invoke("train", recipe, "training.steps=100", "--run", tmp_path / "run")
    assert result.exit_code == 0, result.output
    reason, command = result.stdout.splitlines()
    assert reason.startswith("as planned after 100 steps, ")
    assert command == f"seqlstm info {tmp_path / 'run'}"
    for expected in (
        "local files train: 200 lines",
        "validation: 20 rows",
        "tokenizer: unigram, 300 pieces",
        "precision: float32 on cpu (set in the recipe)",
        "\nvalidation at step 20: loss ",
        "(best)",
    ):
        assert expected in result.stderr
    assert result.stderr.count("validation: 20 rows") == 1
    assert result.stderr.count("\nvalidation at step") == 5


def test_a_folder_is_named_after_the_recipe(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer("train", recipe.rename(tmp_path / "mine.toml"), "training.steps=1")
    assert (tmp_path / "runs" / "mine" / "checkpoint.pt").is_file()


def test_minutes_end_a_run(recipe: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    answer("train", recipe, "training.steps=100000", "--minutes", "0.002", "--run", run)
    assert "minutes = 0.002" in (run / "recipe.toml").read_text()


def test_a_run_is_replaced_only_with_overwrite(recipe: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    answer("train", recipe, "training.steps=1", "--run", run)
    before = (run / "last.safetensors").read_bytes()
    error = refusal("train", recipe, "training.steps=2", "--run", run)
    assert f"{run} holds a run already" in error
    assert "--resume" in error
    assert (run / "last.safetensors").read_bytes() == before
    answer("train", recipe, "training.steps=2", "--run", run, "--overwrite")
    assert "2 steps" in answer("info", run)


def test_a_folder_of_other_files_is_an_error(recipe: Path, tmp_path: Path) -> None:
    for flags in ([], ["--overwrite"]):
        error = refusal("train", recipe, "--run", tmp_path, *flags)
        assert f"{tmp_path} holds other things" in error
    assert recipe.is_file()


def test_from_starts_with_the_weights_of_another_run(recipe: Path, tmp_path: Path) -> None:
    first, second, plain = (tmp_path / name for name in ("first", "second", "plain"))
    answer("train", recipe, "--run", first)
    short = ("training.steps=20", "training.optimizer.learning_rate=1e-5")
    answer("train", recipe, *short, "--run", second, "--from", first)
    answer("train", recipe, *short, "--run", plain)
    assert loss_of(second) < loss_of(plain)


def loss_of(run: Path) -> float:
    (line,) = [line for line in answer("info", run).splitlines() if "best validation" in line]
    return float(line.split("loss ")[1].split()[0])


@pytest.mark.parametrize("other", [["--overwrite"], ["--from", "elsewhere"]])
def test_resume_excludes_overwrite_and_from(recipe: Path, other: list[str]) -> None:
    assert "--resume continues a run" in refusal("train", recipe, "--resume", *other)


def test_resume_needs_a_run(recipe: Path, tmp_path: Path) -> None:
    run = tmp_path / "nowhere"
    assert f"{run} is no run folder" in refusal("train", recipe, "--resume", "--run", run)


def test_resume_needs_the_same_recipe(recipe: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    answer("train", recipe, "training.steps=1", "--run", run)
    error = refusal("train", recipe, "model.hidden_size=16", "seed=5", "--run", run, "--resume")
    assert "cannot be resumed with another recipe" in error
    assert "model.hidden_size: the run has 32, the recipe 16" in error
    assert "seed: the run has 1, the recipe 5" in error
    error = refusal("train", recipe, "training.steps=1", "--run", run, "--resume")
    assert "has ended at step 1: as planned" in error


def test_numbers_that_are_not_finite_end_a_run(recipe: Path, tmp_path: Path) -> None:
    wild = ("training.optimizer={kind='sgd', learning_rate=1e30}", "training.max_grad_norm=")
    result = invoke(
        "train", recipe, *wild, "training.max_grad_norm=1e30", "--run", tmp_path / "run"
    )
    assert result.exit_code == 2, result.output
    assert "not finite" in result.stderr
    assert "learning_rate" in result.stderr


def test_ctrl_c_while_reading_leaves_no_folder(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("seqlstm.recipe.train.read_corpus", interrupted)
    result = invoke("train", recipe, "--run", tmp_path / "run")
    assert result.exit_code == 130
    assert "interrupted" in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "run").exists()
