"""`seqlstm info`: the summary of a run."""

from __future__ import annotations

from pathlib import Path

import seqlstm
from seqlstm.run.folder import RunFolder
from tests.runs import LANGUAGE_MODEL, answer, refusal, write_recipe


def test_it_summarizes_a_run(translator: Path) -> None:
    text = " ".join(answer("info", translator).split())
    for expected in (
        "task translation",
        "cell lstm, hidden 32",
        "kept 200 of 200 pairs",
        "tokenizer: unigram, 320 pieces",
        "trained 60 steps, ",
        "as planned",
        "best validation step ",
        "last validation step 60: loss ",
        f"written by seqlstm {seqlstm.__version__}, torch ",
    ):
        assert expected in text


def test_the_best_validation_is_the_best(translator: Path) -> None:
    log = RunFolder.open(translator).read_log().reports
    validations = [line for line in log if line["kind"] == "validation"]
    best = min(validations, key=lambda line: line["values"]["loss"])
    assert f"step {best['step']}: loss {best['values']['loss']:.4f}" in answer("info", translator)


def test_plot_writes_a_picture(language_model: Path, tmp_path: Path) -> None:
    answer("info", language_model, "--plot", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    answer("info", language_model, "--plot", tmp_path / "curves.svg")
    assert "<svg" in (tmp_path / "curves.svg").read_text()


def test_a_picture_of_an_unknown_kind(language_model: Path, tmp_path: Path) -> None:
    error = refusal("info", language_model, "--plot", tmp_path / "curves.xyz")
    assert "curves.xyz cannot be drawn" in error


def test_a_run_without_curves(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, LANGUAGE_MODEL)
    options = ("training.steps=1", "training.validate_every=")
    answer("train", recipe, *options, "--run", tmp_path / "run")
    assert "trained" in answer("info", tmp_path / "run")
    assert "no curve yet" in refusal("info", tmp_path / "run", "--plot", tmp_path / "x.png")
