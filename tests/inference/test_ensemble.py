"""Ensembles of translators."""

from __future__ import annotations

import math

import pytest
import torch

from seqlstm.errors import ArgumentError
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.text.placeholders import SYMBOL, SYMBOLS
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair
from seqlstm.text.train_tokenizer import train_tokenizer
from tests.tiny import DOCUMENTS, FLOAT32, LINES, PAIRS, random_translator


@pytest.fixture(scope="module")
def loaded(tokenizer: Tokenizer) -> list[LoadedTranslator]:
    models = [random_translator(tokenizer.vocab_size, seed=seed) for seed in (2, 3, 4)]
    for model in models:
        with torch.no_grad():
            model.output_layer.bias[tokenizer.end] += 1  # so that most translations come to an end
    return [
        LoadedTranslator(model, TokenizerPair.joint(tokenizer), precision=FLOAT32, beam_size=3)
        for model in models
    ]


def test_an_ensemble_of_one_model_is_the_model(loaded: list[LoadedTranslator]) -> None:
    alone = loaded[0].translations(LINES[:5], n_best=2)
    assert loaded[0].ensemble_with().translations(LINES[:5], n_best=2) == alone
    twice = loaded[0].ensemble_with(loaded[0]).translations(LINES[:5], n_best=2)
    for one, other in zip(alone, twice, strict=True):
        assert [each.ids for each in one] == [each.ids for each in other]
        assert [each.score for each in one] == pytest.approx([each.score for each in other])


def test_probabilities_are_averaged(loaded: list[LoadedTranslator]) -> None:
    ensemble = loaded[0].ensemble_with(*loaded[1:])
    scores = [one.score(PAIRS[:4]) for one in loaded]
    for mixed, *each in zip(ensemble.score(PAIRS[:4]), *scores, strict=True):
        for value, *values in zip(
            mixed.log_probabilities, *(one.log_probabilities for one in each), strict=True
        ):
            average = sum(math.exp(one) for one in values) / 3
            assert math.exp(value) == pytest.approx(average, rel=1e-4)


def test_a_hypothesis_has_the_score_of_its_tokens(loaded: list[LoadedTranslator]) -> None:
    ensemble = loaded[0].ensemble_with(*loaded[1:])
    found = [best[0] for best in ensemble.translations(LINES[:6], length_penalty=0.7)]
    assert [one.ids for one in found] != [
        best[0].ids for best in loaded[0].translations(LINES[:6], length_penalty=0.7)
    ]
    scores = ensemble.score([(line, one.ids) for line, one in zip(LINES, found, strict=False)])
    pairs = [pair for pair in zip(scores, found, strict=True) if pair[1].finished]
    assert pairs
    for score, one in pairs:
        penalty = ((5 + len(score.pieces)) / 6) ** 0.7
        assert score.log_probability / penalty == pytest.approx(one.score, abs=1e-4)


@pytest.mark.parametrize("options", [{}, {"coverage_penalty": 0.4}, {"force_words": ["Kirche"]}])
def test_batches_change_nothing(loaded: list[LoadedTranslator], options: dict[str, object]) -> None:
    ensemble = loaded[0].ensemble_with(loaded[1])
    whole = ensemble.translate(LINES[:6], **options)  # type: ignore[arg-type]
    assert whole == [ensemble.translate([line], **options)[0] for line in LINES[:6]]  # type: ignore[arg-type]


def test_an_ensemble_has_the_options_of_the_first_translator(
    loaded: list[LoadedTranslator],
) -> None:
    first = LoadedTranslator(
        loaded[0].model,
        loaded[0].tokenizers,
        precision=FLOAT32,
        beam_size=2,
        no_repeat_ngram_size=3,
        max_input_length=9,
    )
    ensemble = first.ensemble_with(loaded[1], loaded[2])
    assert ensemble.options == first.options
    assert ensemble.max_input_length == 9
    assert "|models:3|" in ensemble.signature(batch=4)
    assert "models" not in first.signature(batch=4)


def test_another_tokenizer_is_refused(loaded: list[LoadedTranslator]) -> None:
    other = train_tokenizer(DOCUMENTS, model_type="unigram", vocab_size=45, byte_fallback=False)
    stranger = LoadedTranslator(
        random_translator(45), TokenizerPair.joint(other), precision=FLOAT32
    )
    with pytest.raises(ArgumentError, match="an ensemble needs one tokenizer") as caught:
        loaded[0].ensemble_with(stranger)
    assert other.fingerprint in str(caught.value)


@pytest.mark.parametrize("first", [True, False])
def test_symbols_of_one_member_are_forbidden_and_copied_only_if_all_have_them(first: bool) -> None:
    tokenizer = train_tokenizer(
        DOCUMENTS, model_type="unigram", vocab_size=60, byte_fallback=False, keep=SYMBOLS
    )
    ids = [tokenizer.symbols[symbol] for symbol in SYMBOLS]

    def member(seed: int, *, placeholders: bool) -> LoadedTranslator:
        model = random_translator(tokenizer.vocab_size, seed=seed)
        with torch.no_grad():
            model.output_layer.bias[ids] += 9
        return LoadedTranslator(
            model, TokenizerPair.joint(tokenizer), precision=FLOAT32, placeholders=placeholders
        )

    mixed = member(2, placeholders=first).ensemble_with(member(3, placeholders=not first))
    for found in (*mixed.translate(LINES[:3]), mixed.sample(LINES[:1], seed=1)[0][0].text):
        assert not SYMBOL.search(found)
    with pytest.raises(ArgumentError, match="not trained with placeholders"):
        mixed.translate(LINES[:1], placeholders=True)
    both = member(2, placeholders=True).ensemble_with(member(3, placeholders=True))
    [copied] = both.translate(["My oldest friend sells 7."], placeholders=True)
    assert copied.count("7") == 1
