"""`seqlstm.load`: a run folder in a few lines of Python."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import seqlstm
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.inference.translator import LoadedTranslator
from tests.runs import LANGUAGE_MODEL, TRANSLATOR, pairs_of, train_in


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> LoadedTranslator:
    loaded = seqlstm.load(train_in(tmp_path_factory.mktemp("translator"), TRANSLATOR))
    assert isinstance(loaded, LoadedTranslator)
    return loaded


@pytest.fixture(scope="module")
def language_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_in(tmp_path_factory.mktemp("language"), LANGUAGE_MODEL)


@pytest.fixture(scope="module")
def language_model(language_run: Path) -> LoadedLanguageModel:
    loaded = seqlstm.load(language_run)
    assert isinstance(loaded, LoadedLanguageModel)
    return loaded


def test_translate(translator: LoadedTranslator) -> None:
    lines = ["The child sees the house today.", "", "Nobody buys two apples at night."]
    found = translator.translate(lines)
    assert len(found) == 3
    assert found[1] == ""
    assert found == [translator.translate([line])[0] for line in lines]
    assert all(one.endswith(".") for one in (found[0], found[2]))


def test_it_has_learned(translator: LoadedTranslator) -> None:
    right, wrong = pairs_of("test")[0], (pairs_of("test")[0][0], pairs_of("test")[9][1])
    one, other = translator.score([right, wrong])
    assert one.log_probability > other.log_probability


def test_generate(language_model: LoadedLanguageModel) -> None:
    text = language_model.generate("The child", max_new_tokens=20, seed=1)
    assert text == language_model.generate("The child", max_new_tokens=20, seed=1)
    assert text != language_model.generate("The child", max_new_tokens=20, seed=2)
    session = language_model.session()
    session.read("The child")
    assert "".join(session.stream(max_new_tokens=20, seed=1)) == text


def test_score(language_model: LoadedLanguageModel) -> None:
    likely, unlikely = language_model.score(["The child sees the house today.", "xyz"])
    assert likely.perplexity < unlikely.perplexity
    assert likely.surprisal == pytest.approx(-likely.log_probability / math.log(2))
    assert len(likely.pieces) == len(likely.log_probabilities)


def test_a_past_goes_on_in_another_process(language_run: Path, tmp_path: Path) -> None:
    model, other = seqlstm.load(language_run), seqlstm.load(language_run)
    assert isinstance(model, LoadedLanguageModel)
    assert isinstance(other, LoadedLanguageModel)
    past = model.read(["The child"])
    past.save(tmp_path / "child.state")
    again = other.restore(tmp_path / "child.state")
    text = "".join(other.session(again).stream(max_new_tokens=20, seed=1))
    assert text == model.generate("The child", max_new_tokens=20, seed=1)
    ends = model.read(["sees", "finds"], past=past)
    joined = seqlstm.Past.batch([past, ends])
    assert len(joined) == 3
    lines = ["the house today."] * 3
    for row, score in enumerate(model.score(lines, past=joined)):
        (alone,) = model.score(lines[:1], past=joined.select([row]))
        assert score.log_probability == pytest.approx(alone.log_probability, rel=1e-5)


def test_a_run_may_be_named_by_a_string(language_run: Path) -> None:
    last = seqlstm.load(str(language_run), weights="last", device="cpu", precision="float32")
    assert last.task == "language-model"


def test_the_version_waits_for_nothing() -> None:
    assert seqlstm.__version__.count(".") == 2
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        seqlstm.lod  # noqa: B018
