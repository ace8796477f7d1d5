"""The Python API: `seqlstm.load`, translation, generation, scores and saved states."""

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
    translations = translator.translate(lines)
    assert len(translations) == 3
    assert translations[1] == ""
    assert translations == [translator.translate([line])[0] for line in lines]
    assert all(translation.endswith(".") for translation in (translations[0], translations[2]))


def test_the_right_translation_scores_higher(translator: LoadedTranslator) -> None:
    right, wrong = pairs_of("test")[0], (pairs_of("test")[0][0], pairs_of("test")[9][1])
    right_score, wrong_score = translator.score([right, wrong])
    assert right_score.log_probability > wrong_score.log_probability


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


def test_a_saved_past_continues_in_another_model(language_run: Path, tmp_path: Path) -> None:
    model, other = seqlstm.load(language_run), seqlstm.load(language_run)
    assert isinstance(model, LoadedLanguageModel)
    assert isinstance(other, LoadedLanguageModel)
    past = model.read(["The child"])
    past.save(tmp_path / "child.state")
    restored = other.restore(tmp_path / "child.state")
    text = "".join(other.session(restored).stream(max_new_tokens=20, seed=1))
    assert text == model.generate("The child", max_new_tokens=20, seed=1)
    continued = model.read(["sees", "finds"], past=past)
    joined = seqlstm.Past.batch([past, continued])
    assert len(joined) == 3
    lines = ["the house today."] * 3
    for row, score in enumerate(model.score(lines, past=joined)):
        (alone,) = model.score(lines[:1], past=joined.select([row]))
        assert score.log_probability == pytest.approx(alone.log_probability, rel=1e-5)


def test_load_with_a_string_path_and_options(language_run: Path) -> None:
    loaded = seqlstm.load(str(language_run), weights="last", device="cpu", precision="float32")
    assert isinstance(loaded, LoadedLanguageModel)


def test_version_and_unknown_names() -> None:
    assert seqlstm.__version__.count(".") == 2
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        seqlstm.lod  # noqa: B018
