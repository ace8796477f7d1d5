"""Commands on a run with separate source and target vocabularies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seqlstm.run.folder import RunFolder
from tests.recipe.alphabets import APART, SHORT, greek_pairs, write_alphabets
from tests.runs import answer, invoke, refusal


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_alphabets(tmp_path_factory.mktemp("alphabets"))


@pytest.fixture(scope="module")
def run(recipe: Path) -> Path:
    answer("train", recipe, *SHORT, *APART, "--run", recipe.parent / "run")
    return recipe.parent / "run"


def test_check_counts_both_embeddings(recipe: Path) -> None:
    output = answer("check", recipe, *SHORT, *APART)
    assert "joint = false" in output
    rows = dict(re.findall(r"^(source|target) +([\d,]+) *$", output, re.MULTILINE))
    assert rows == {"source": "7,320", "target": "7,080"}


def test_check_refuses_three_way_tying(recipe: Path) -> None:
    error = " ".join(refusal("check", recipe, *APART, "model.tie_embeddings=three-way").split())
    assert "three-way needs a joint vocabulary" in error


def test_info_lists_both_tokenizers(run: Path) -> None:
    output = answer("info", run)
    assert "source: unigram, 305 pieces" in output
    assert "target: unigram, 295 pieces" in output


def test_translate_and_score(run: Path) -> None:
    pairs = greek_pairs("test")[:3]
    lines = "".join(f"{source}\n" for source, _ in pairs)
    assert len(answer("translate", run, "--beam-size", 2, text=lines).splitlines()) == 3
    output = answer("translate", run, "--prefix", pairs[0][1][:6], "--json", text=lines)
    assert output.count("\n") == 3
    both = "".join(f"{source}\t{target}\n" for source, target in pairs)
    assert len(answer("score", run, text=both).splitlines()) == 3


def test_resume_and_from_keep_both_tokenizers(recipe: Path, run: Path, tmp_path: Path) -> None:
    command = [recipe, *SHORT, *APART]
    answer("train", *command, "training.steps=5", "--run", run, "--resume")
    answer("train", *command, "--run", tmp_path / "second", "--from", run)
    first, second = (
        RunFolder.open(folder).read_tokenizers() for folder in (run, tmp_path / "second")
    )
    assert first.fingerprint == second.fingerprint
    error = refusal("train", recipe, *SHORT, "--run", tmp_path / "third", "--from", run)
    assert "has a tokenizer of each side" in " ".join(error.split())


def test_the_tokenizer_command_reads_both_models(run: Path) -> None:
    line = greek_pairs("test")[0][1]
    ids = answer("tokenizer", "encode", run / "target.model", text=line)
    assert answer("tokenizer", "decode", run / "target.model", text=ids) == f"{line}\n"
    error = "".join(refusal("tokenizer", "encode", run, text=line).split()).replace("│", "")
    assert f"Use{run}/source.modelor{run}/target.model." in error
    assert invoke("tokenizer", "decode", run.parent, text=ids).exit_code == 2
