"""The command on a run whose sides have a vocabulary each."""

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


def test_a_check_shows_a_table_of_each(recipe: Path) -> None:
    said = answer("check", recipe, *SHORT, *APART)
    assert "joint = false" in said
    rows = dict(re.findall(r"^(source|target) +([\d,]+) *$", said, re.MULTILINE))
    assert rows == {"source": "7,320", "target": "7,080"}


def test_a_check_names_what_cannot_be(recipe: Path) -> None:
    said = " ".join(refusal("check", recipe, *APART, "model.tie_embeddings=three-way").split())
    assert "three-way needs a joint vocabulary" in said


def test_info_tells_both(run: Path) -> None:
    said = answer("info", run)
    assert "source: unigram, 305 pieces" in said
    assert "target: unigram, 295 pieces" in said


def test_lines_go_through(run: Path) -> None:
    pairs = greek_pairs("test")[:3]
    lines = "".join(f"{source}\n" for source, _ in pairs)
    assert len(answer("translate", run, "--beam-size", 2, text=lines).splitlines()) == 3
    said = answer("translate", run, "--prefix", pairs[0][1][:6], "--json", text=lines)
    assert said.count("\n") == 3
    both = "".join(f"{source}\t{target}\n" for source, target in pairs)
    assert len(answer("score", run, text=both).splitlines()) == 3


def test_it_goes_on_and_is_started_from(recipe: Path, run: Path, tmp_path: Path) -> None:
    again = [recipe, *SHORT, *APART]
    answer("train", *again, "training.steps=5", "--run", run, "--resume")
    answer("train", *again, "--run", tmp_path / "second", "--from", run)
    read = [RunFolder.open(one).read_tokenizers() for one in (run, tmp_path / "second")]
    assert read[0].fingerprint == read[1].fingerprint
    said = refusal("train", recipe, *SHORT, "--run", tmp_path / "third", "--from", run)
    assert "has a tokenizer of each side" in " ".join(said.split())


def test_the_tokenizer_command_takes_either(run: Path) -> None:
    line = greek_pairs("test")[0][1]
    ids = answer("tokenizer", "encode", run / "target.model", text=line)
    assert answer("tokenizer", "decode", run / "target.model", text=ids) == f"{line}\n"
    said = "".join(refusal("tokenizer", "encode", run, text=line).split()).replace("│", "")
    assert f"Name{run}/source.modelor{run}/target.model." in said
    assert invoke("tokenizer", "decode", run.parent, text=ids).exit_code == 2
