"""Sampled translations, and minimum Bayes risk decoding."""

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


def ids(translations: list[list[Translation]]) -> list[list[tuple[int, ...]]]:
    return [[sample.ids for sample in line_samples] for line_samples in translations]


def test_a_line_has_its_samples(loaded: LoadedTranslator) -> None:
    translations = loaded.sample(TEXT, samples=6, seed=1)
    assert [len(line_samples) for line_samples in translations] == [6, 6, 6, 1, 6]
    assert translations[3][0].text == ""
    assert all(
        len({sample.ids for sample in line_samples}) > 3
        for line_samples in translations
        if len(line_samples) > 1
    )


def test_the_seed_determines_the_samples(loaded: LoadedTranslator) -> None:
    samples = loaded.sample(TEXT, samples=3, seed=1)
    assert loaded.sample(TEXT, samples=3, seed=1) == samples
    assert ids(loaded.sample(TEXT, samples=3, seed=2)) != ids(samples)
    assert ids(loaded.sample(TEXT, samples=3)) != ids(loaded.sample(TEXT, samples=3))


@pytest.mark.parametrize("batch", [1, 2, 64])
def test_batches_of_lines_change_nothing(loaded: LoadedTranslator, batch: int) -> None:
    """The samples depend on the index of a line, not on the other lines."""
    whole = ids(loaded.sample(TEXT, samples=4, seed=5))
    assert ids(loaded.sample(TEXT, samples=4, seed=5, batch=batch)) == whole
    tail = loaded.sample(TEXT[2:], samples=4, seed=5, first=2, batch=batch)
    assert ids(tail) == whole[2:]
    assert ids(loaded.sample(TEXT[2:], samples=4, seed=5)) != whole[2:]


def test_the_score_is_that_of_the_pieces(loaded: LoadedTranslator) -> None:
    translations = loaded.sample(TEXT[:3], samples=4, seed=1, temperature=0.7, top_k=20)
    pairs = [
        (line, sample)
        for line, line_samples in zip(TEXT, translations, strict=False)
        for sample in line_samples
        if sample.finished
    ]
    assert pairs
    scores = loaded.score([(line, sample.ids) for line, sample in pairs])
    for score, (_, sample) in zip(scores, pairs, strict=True):
        assert score.log_probability == pytest.approx(sample.log_probability, abs=1e-4)
        assert sample.score == sample.log_probability


def test_temperature_zero_is_greedy(loaded: LoadedTranslator) -> None:
    greedy = [best[0].ids for best in loaded.translations(TEXT, beam_size=1)]
    assert [line_samples[0].ids for line_samples in loaded.sample(TEXT, temperature=0.0)] == greedy


def test_constraints_hold_for_samples(loaded: LoadedTranslator) -> None:
    options: dict[str, Any] = {"samples": 5, "seed": 1}
    prefix = ["Der", "", "Mein", "", "Niemand"]
    for start, line_samples in zip(
        prefix, loaded.sample(TEXT, prefix=prefix, **options), strict=True
    ):
        assert all(sample.text.startswith(start) for sample in line_samples if sample.ids)
    short = loaded.sample(TEXT, max_length=3, **options)
    assert max(len(sample.ids) for line_samples in short for sample in line_samples) == 3
    piece = loaded.sample(TEXT[:1], **options)[0][0].ids[0]
    word = loaded.tokenizers.target.decode([piece])
    if loaded.tokenizers.target.encode(word) == [piece]:
        rest = loaded.sample(TEXT, bad_words=[word], **options)
        assert not any(piece in sample.ids for line_samples in rest for sample in line_samples)


def test_minimum_bayes_risk_by_hand(loaded: LoadedTranslator) -> None:
    def shorter(hypothesis: str, reference: str) -> float:
        return -float(len(hypothesis)) + len(reference) / 1000

    line_samples = loaded.sample(TEXT, samples=7, seed=3)
    chosen = loaded.minimum_bayes_risk(TEXT, utility=shorter, samples=7, seed=3)
    for sample, samples in zip(chosen, line_samples, strict=True):
        assert sample.ids in [candidate.ids for candidate in samples]
        assert len(sample.text) == min(len(candidate.text) for candidate in samples)
        mean = sum(shorter(sample.text, candidate.text) for candidate in samples) / len(samples)
        assert sample.score == pytest.approx(mean)


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
def test_invalid_options(
    loaded: LoadedTranslator, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        loaded.sample(TEXT, **options)
