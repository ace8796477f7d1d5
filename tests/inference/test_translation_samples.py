"""Translations drawn at random, and the one of least risk."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from seqlstm.inference.line_batches import Translation
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair
from tests.tiny import FLOAT32, LINES, random_translator

TEXT = [*LINES[:3], "", LINES[20]]


@pytest.fixture(scope="module")
def loaded(tokenizer: Tokenizer) -> LoadedTranslator:
    model = random_translator(tokenizer.vocab_size, seed=2)
    with torch.no_grad():
        model.output_layer.bias[tokenizer.end] += 1  # so that most translations come to an end
    return LoadedTranslator(model, TokenizerPair.joint(tokenizer), precision=FLOAT32, beam_size=3)


def ids(found: list[list[Translation]]) -> list[list[tuple[int, ...]]]:
    return [[one.ids for one in drawn] for drawn in found]


def test_a_line_has_its_samples(loaded: LoadedTranslator) -> None:
    found = loaded.sample(TEXT, samples=6, seed=1)
    assert [len(drawn) for drawn in found] == [6, 6, 6, 1, 6]
    assert found[3][0].text == ""
    assert all(len({one.ids for one in drawn}) > 3 for drawn in found if len(drawn) > 1)


def test_the_seed_decides(loaded: LoadedTranslator) -> None:
    one = loaded.sample(TEXT, samples=3, seed=1)
    assert loaded.sample(TEXT, samples=3, seed=1) == one
    assert ids(loaded.sample(TEXT, samples=3, seed=2)) != ids(one)
    assert ids(loaded.sample(TEXT, samples=3)) != ids(loaded.sample(TEXT, samples=3))


@pytest.mark.parametrize("batch", [1, 2, 64])
def test_however_lines_are_batched(loaded: LoadedTranslator, batch: int) -> None:
    """A line's place, not its neighbours, decides what is drawn."""
    whole = ids(loaded.sample(TEXT, samples=4, seed=5))
    assert ids(loaded.sample(TEXT, samples=4, seed=5, batch=batch)) == whole
    tail = loaded.sample(TEXT[2:], samples=4, seed=5, first=2, batch=batch)
    assert ids(tail) == whole[2:]
    assert ids(loaded.sample(TEXT[2:], samples=4, seed=5)) != whole[2:]


def test_the_score_is_that_of_the_pieces(loaded: LoadedTranslator) -> None:
    found = loaded.sample(TEXT[:3], samples=4, seed=1, temperature=0.7, top_k=20)
    each = [
        (line, one)
        for line, drawn in zip(TEXT, found, strict=False)
        for one in drawn
        if one.finished
    ]
    assert each
    scores = loaded.score([(line, one.ids) for line, one in each])
    for score, (_, one) in zip(scores, each, strict=True):
        assert score.log_probability == pytest.approx(one.log_probability, abs=1e-4)
        assert one.score == one.log_probability


def test_temperature_zero_is_greedy(loaded: LoadedTranslator) -> None:
    greedy = [best[0].ids for best in loaded.translations(TEXT, beam_size=1)]
    assert [drawn[0].ids for drawn in loaded.sample(TEXT, temperature=0.0)] == greedy


def test_what_is_asked_of_translations_binds_samples(loaded: LoadedTranslator) -> None:
    options: dict[str, Any] = {"samples": 5, "seed": 1}
    prefix = ["Der", "", "Mein", "", "Niemand"]
    for told, drawn in zip(prefix, loaded.sample(TEXT, prefix=prefix, **options), strict=True):
        assert all(one.text.startswith(told) for one in drawn if one.ids)
    short = loaded.sample(TEXT, max_length=3, **options)
    assert max(len(one.ids) for drawn in short for one in drawn) == 3
    piece = loaded.sample(TEXT[:1], **options)[0][0].ids[0]
    word = loaded.tokenizers.target.decode([piece])
    if loaded.tokenizers.target.encode(word) == [piece]:
        rest = loaded.sample(TEXT, bad_words=[word], **options)
        assert not any(piece in one.ids for drawn in rest for one in drawn)


def test_the_least_risk_is_the_most_like_all(loaded: LoadedTranslator) -> None:
    def shorter(hypothesis: str, reference: str) -> float:
        return -float(len(hypothesis)) + len(reference) / 1000

    drawn = loaded.sample(TEXT, samples=7, seed=3)
    chosen = loaded.minimum_bayes_risk(TEXT, utility=shorter, samples=7, seed=3)
    for one, samples in zip(chosen, drawn, strict=True):
        assert one.ids in [each.ids for each in samples]
        assert len(one.text) == min(len(each.text) for each in samples)
        mean = sum(shorter(one.text, each.text) for each in samples) / len(samples)
        assert one.score == pytest.approx(mean)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"samples": 0}, ValueError, "samples must be positive, was: 0"),
        ({"batch": 0}, ValueError, "batch must be positive, was: 0"),
        ({"temperature": -1.0}, ValueError, "temperature must be 0 or more"),
        ({"top_p": 0.0}, ValueError, "top_p must be in"),
        ({"beam_size": 3}, TypeError, "beam_size cannot take effect on samples"),
        ({"length_penalty": 0.5}, TypeError, "length_penalty cannot take effect on samples"),
    ],
)
def test_what_cannot_be(
    loaded: LoadedTranslator, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        loaded.sample(TEXT, **options)
