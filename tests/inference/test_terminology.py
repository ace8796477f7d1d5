"""Phrases, lengths and coverage in translations, by the public class."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from seqlstm.errors import ArgumentError
from seqlstm.inference.line_batches import Translation
from seqlstm.inference.search import SearchOptions
from seqlstm.inference.terminology import Terminology, contains, encode_phrases
from seqlstm.inference.translator import LoadedTranslator, MissingWordsWarning
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair
from tests.tiny import FLOAT32, LINES, random_translator

FEW = [*LINES[:4], "", LINES[20]]


@pytest.fixture(scope="module")
def loaded(tokenizer: Tokenizer) -> LoadedTranslator:
    model = random_translator(tokenizer.vocab_size, seed=2)
    with torch.no_grad():
        model.output_layer.bias[tokenizer.end] += 1  # so that most translations come to an end
    return LoadedTranslator(model, TokenizerPair.joint(tokenizer), precision=FLOAT32, beam_size=4)


def ids(translations: list[list[Translation]]) -> list[list[int]]:
    return [list(best[0].ids) for best in translations]


def non_empty_ids(translations: list[list[Translation]]) -> list[list[int]]:
    return [best for best, line in zip(ids(translations), FEW, strict=True) if line]


def test_a_phrase_must_appear(loaded: LoadedTranslator) -> None:
    phrases = ["grüne Laterne", "nichts."]
    pieces = encode_phrases(phrases, loaded.tokenizers.target)
    free = non_empty_ids(loaded.translations(FEW))
    assert not any(contains(row, phrase) for row in free for phrase in pieces)
    translations = loaded.translations(FEW, force_words=phrases)
    assert all(contains(row, phrase) for row in non_empty_ids(translations) for phrase in pieces)
    assert all(
        "grüne Laterne" in best[0].text and "nichts." in best[0].text
        for best in translations
        if best[0].text
    )
    assert translations[4][0].text == ""


def test_each_line_has_its_own_phrases_and_prefix(loaded: LoadedTranslator) -> None:
    force_words = [["Tulpen"], [], ["Kirche", "42"], [], ["nothing"], ["Niemand"]]
    prefix = ["Der", "", "Mein ältester", "Niemand", "zählt", ""]
    together = loaded.translations(FEW, force_words=force_words, prefix=prefix)
    for row, line in enumerate(FEW):
        [alone] = loaded.translations([line], force_words=force_words[row], prefix=prefix[row])
        assert alone[0].ids == together[row][0].ids
        if line:
            assert together[row][0].text.startswith(prefix[row])
            assert all(phrase in together[row][0].text for phrase in force_words[row])


def test_a_phrase_never_appears(loaded: LoadedTranslator) -> None:
    free = non_empty_ids(loaded.translations(FEW))
    for size in (1, 2):
        phrase = free[0][:size]
        text = loaded.tokenizers.target.decode(phrase)
        if loaded.tokenizers.target.encode(text) != phrase:
            continue
        assert not any(
            contains(row, phrase)
            for row in non_empty_ids(loaded.translations(FEW, bad_words=[text]))
        )


@pytest.mark.parametrize("max_length", [3, 6])
def test_lengths(loaded: LoadedTranslator, max_length: int) -> None:
    free = {len(row) for row in non_empty_ids(loaded.translations(FEW))}
    assert min(free) < 9
    assert max(free) > max_length
    short = non_empty_ids(loaded.translations(FEW, max_length=max_length))
    assert max(map(len, short)) == max_length
    assert min(len(row) for row in non_empty_ids(loaded.translations(FEW, min_length=9))) == 9
    for best in non_empty_ids(loaded.translations(FEW, min_length=30, max_length=31)):
        assert 30 <= len(best) <= 31


def test_the_ratio_is_of_the_source(loaded: LoadedTranslator) -> None:
    needed_tokens = [0, 7, 50]
    lengths = torch.tensor([4, 4, 4])
    assert SearchOptions().limits(lengths, needed_tokens).tolist() == [18, 18, 51]
    assert SearchOptions(max_length_ratio=0.5).limits(lengths, needed_tokens).tolist() == [
        12,
        12,
        51,
    ]
    assert SearchOptions(min_length=20).limits(lengths, needed_tokens).tolist() == [21, 21, 51]
    assert SearchOptions(max_length=8).limits(lengths, [0, 7, 8]).tolist() == [9, 9, 9]
    long = loaded.translations(LINES[:2], min_length=1, max_length_ratio=0.01, bad_words=["."])
    assert all(len(best[0].ids) <= 10 for best in long)


def test_no_repeat_ngram_size(loaded: LoadedTranslator) -> None:
    def repeated(translations: list[list[int]], size: int) -> bool:
        windows = [
            [tuple(row[at : at + size]) for at in range(len(row) - size + 1)]
            for row in translations
        ]
        return any(len(set(row_windows)) < len(row_windows) for row_windows in windows)

    options: dict[str, Any] = {"min_length": 25, "max_length": 30}
    assert repeated(non_empty_ids(loaded.translations(FEW, **options)), 2)
    assert not repeated(
        non_empty_ids(loaded.translations(FEW, no_repeat_ngram_size=2, **options)), 2
    )


def test_phrases_longer_than_the_maximum_length(loaded: LoadedTranslator) -> None:
    with pytest.raises(ArgumentError, match=r"have up to \d+ pieces, and .* length is 2"):
        loaded.translations(FEW, force_words=["grüne Laterne hinter der Kirche"], max_length=2)


def test_a_missing_phrase_is_a_warning(loaded: LoadedTranslator) -> None:
    with pytest.warns(MissingWordsWarning, match="1 of 1 translations lack a phrase"):
        loaded.translations(LINES[:1], force_words=["Kirche Kirche"], no_repeat_ngram_size=1)


def test_an_impossible_line_is_named(loaded: LoadedTranslator) -> None:
    """No piece may repeat, but the minimum length is larger than the vocabulary."""
    length = loaded.tokenizers.target.vocab_size
    with pytest.raises(ArgumentError, match=f"fulfils all constraints: {LINES[0]}"):
        loaded.translations(LINES[:1], no_repeat_ngram_size=1, min_length=length, beam_size=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"force_words": [" "]}, "a phrase that must or must not appear is empty"),
        ({"bad_words": [""]}, "a phrase that must or must not appear is empty"),
        ({"force_words": ["die xyz"]}, '"die xyz" has characters that the tokenizer does not know'),
        ({"prefix": "xyz"}, '"xyz" has characters that the tokenizer does not know'),
        (
            {"force_words": ["die grüne"], "bad_words": ["grüne"]},
            "contains a phrase that must not",
        ),
    ],
)
def test_phrases_that_make_no_sense(
    loaded: LoadedTranslator, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        loaded.translations(FEW, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prefix": ["a"]}, "as many prefixes as lines"),
        ({"force_words": [["a"]]}, "as many lists of phrases as lines"),
        ({"force_words": ["a", ["b"]]}, "either phrases for all lines, or a list"),
        ({"no_repeat_ngram_size": -1}, "no_repeat_ngram_size must be 0 or more, was: -1"),
        ({"max_length_ratio": 0.0}, "max_length_ratio must be positive, was: 0.0"),
        ({"max_length": 3, "min_length": 4}, "at least min_length 4, was: 3"),
        ({"coverage_penalty": -0.1}, "coverage_penalty must be 0 or more"),
    ],
)
def test_options_out_of_range(
    loaded: LoadedTranslator, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        loaded.translations(FEW, **options)


def test_an_unknown_option(loaded: LoadedTranslator) -> None:
    with pytest.raises(TypeError, match="lenght_penalty"):
        loaded.translations(FEW, lenght_penalty=1.0)


@torch.inference_mode()
def weights_and_log_prob(
    loaded: LoadedTranslator, line: str, translation: Translation
) -> tuple[list[torch.Tensor], float]:
    """The attention weights and the log-probability of each token, computed step by step."""
    tokenizer, model = loaded.tokenizers.target, loaded.model
    source = torch.tensor([[*tokenizer.encode(line), tokenizer.end]])
    memory = model.encode(source, torch.tensor([source.shape[1]]))
    state, token, total, seen = model.start(memory), tokenizer.begin, 0.0, []
    for target in [*translation.ids, *([tokenizer.end] if translation.finished else [])]:
        logits, state, weights = model.advance(torch.tensor([token]), state, memory)
        total += float(logits.log_softmax(-1)[0, target])
        assert weights is not None
        seen.append(weights.mean(1)[0])
        token = target
    return seen, total


def test_scores_under_the_coverage_penalty(loaded: LoadedTranslator) -> None:
    options: dict[str, Any] = {"n_best": 3, "length_penalty": 0.0}
    plain = loaded.translations(FEW, **options)
    translations = loaded.translations(FEW, coverage_penalty=0.5, **options)
    assert ids(translations) != ids(plain)
    worst = 0.0
    for line, best in zip(FEW, translations, strict=True):
        for translation in best if line else []:
            seen, total = weights_and_log_prob(loaded, line, translation)
            assert len(seen) == len(translation.ids) + translation.finished
            added = 0.5 * float(torch.stack(seen).sum(0).clamp(max=1).log().sum())
            worst = min(worst, added)
            assert translation.log_probability == pytest.approx(total, abs=1e-3)
            assert translation.score == pytest.approx(total + added, abs=1e-3)
    assert worst < -0.1


@pytest.mark.parametrize("batch", [1, 4])
def test_batches_do_not_change_coverage(loaded: LoadedTranslator, batch: int) -> None:
    whole = loaded.translations(FEW, coverage_penalty=0.5)
    parts = loaded.translations(FEW, coverage_penalty=0.5, batch=batch)
    assert ids(whole) == ids(parts)


def test_a_model_without_attention_has_no_coverage(tokenizer: Tokenizer) -> None:
    model = random_translator(tokenizer.vocab_size, decoder="plain")
    without = LoadedTranslator(model, TokenizerPair.joint(tokenizer), precision=FLOAT32)
    with pytest.raises(ArgumentError, match="coverage penalty needs attention weights"):
        without.translations(FEW, coverage_penalty=0.5)


def test_select_lines(tokenizer: Tokenizer) -> None:
    terminology = Terminology.from_text(
        3, tokenizer, prefix=["Der", "", "Der Gärtner"], force_words=[["42"], [], ["die", "der"]]
    )
    selected = terminology.select([2, 0])
    assert selected.prefixes == [terminology.prefixes[2], terminology.prefixes[0]]
    assert selected.needed_tokens() == [
        len(terminology.prefixes[2]) + sum(map(len, terminology.force_words[2])),
        len(terminology.prefixes[0]) + len(terminology.force_words[0][0]),
    ]
    assert terminology.select([1]).lexical_constraints() is None
