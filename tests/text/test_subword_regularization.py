"""Subword sampling: a pure function of its arguments, with the distributions of the papers."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter

import pytest
import sentencepiece

from seqlstm.errors import TokenizerError
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.train_tokenizer import train_tokenizer

from .conftest import SENTENCES
from .test_tokenizer import TEXTS


def test_same_arguments_same_ids(subword: Tokenizer) -> None:
    first = subword.sample(SENTENCES, alpha=0.2, seed=7)
    subword.sample(SENTENCES[:3], alpha=0.4, seed=8)
    sentencepiece.set_random_generator_seed(5)
    fresh = Tokenizer(subword.model)
    assert subword.sample(SENTENCES, alpha=0.2, seed=7) == first
    assert fresh.sample(SENTENCES, alpha=0.2, seed=7) == first
    assert subword.sample(SENTENCES, alpha=0.2, seed=8) != first


def test_same_arguments_same_ids_in_another_process(subword: Tokenizer) -> None:
    source = (
        "import json, sys; from seqlstm.text.tokenizer import Tokenizer;"
        "model, lines = json.load(sys.stdin);"
        "print(json.dumps(Tokenizer(bytes.fromhex(model)).sample(lines, alpha=0.2, seed=7)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", source],
        input=json.dumps([subword.model.hex(), SENTENCES]),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(run.stdout) == subword.sample(SENTENCES, alpha=0.2, seed=7)


def test_samples_decode_to_the_text(subword: Tokenizer) -> None:
    for seed in range(20):
        samples = subword.sample(TEXTS, alpha=0.3, seed=seed)
        assert subword.decode_batch(samples) == TEXTS


def test_the_limit_of_alpha_equals_encode(tokenizers: dict[str, Tokenizer]) -> None:
    for kind, alpha in (("bpe", 0.0), ("unigram", 1e6)):
        tokenizer = tokenizers[kind]
        assert tokenizer.sample(SENTENCES, alpha=alpha, seed=1) == tokenizer.encode_batch(SENTENCES)


def test_dropping_every_merge_leaves_characters(tokenizers: dict[str, Tokenizer]) -> None:
    bpe = tokenizers["bpe"]
    (ids,) = bpe.sample(["the lantern"], alpha=1.0, seed=1)
    assert bpe.pieces(ids) == list("▁the▁lantern")


def test_unigram_probabilities(tokenizers: dict[str, Tokenizer]) -> None:
    """Every segmentation of a word is sampled in proportion to its smoothed probability."""
    unigram, alpha, word, sample_count = tokenizers["unigram"], 0.5, "▁lantern", 20_000
    model = sentencepiece.SentencePieceProcessor(model_proto=unigram.model)

    def weight(pieces: tuple[str, ...]) -> float:
        return math.exp(alpha * sum(model.get_score(model.piece_to_id(piece)) for piece in pieces))

    def segmentations(rest: str) -> list[tuple[str, ...]]:
        if not rest:
            return [()]
        return [
            (rest[:end], *others)
            for end in range(1, len(rest) + 1)
            if model.piece_to_id(rest[:end]) != unigram.unknown
            for others in segmentations(rest[end:])
        ]

    weights = {pieces: weight(pieces) for pieces in segmentations(word)}
    assert len(weights) > 2
    samples = unigram.sample(["lantern"] * sample_count, alpha=alpha, seed=3)
    counts = Counter(tuple(unigram.pieces(ids)) for ids in samples)
    assert set(counts) <= set(weights)
    for pieces, weight_of_pieces in weights.items():
        expected = weight_of_pieces / sum(weights.values())
        deviation = math.sqrt(expected * (1 - expected) / sample_count)
        assert abs(counts[pieces] / sample_count - expected) < 5 * deviation + 1e-9


def test_dropout_probabilities() -> None:
    """One word, merged ▁a -> ▁ab: each merge survives with probability 1 - alpha."""
    bpe = train_tokenizer(["ab"] * 9, model_type="bpe", vocab_size=266)
    assert set(bpe.pieces(range(261, 266))) == {"▁", "a", "b", "ab", "▁ab"}
    alpha, sample_count = 0.3, 20_000
    counts = Counter(
        tuple(bpe.pieces(ids)) for ids in bpe.sample(["ab"] * sample_count, alpha=alpha, seed=4)
    )
    expected = {
        ("▁", "a", "b"): alpha,
        ("▁", "ab"): (1 - alpha) * alpha,
        ("▁ab",): (1 - alpha) ** 2,
    }
    assert set(counts) == set(expected)
    for pieces, probability in expected.items():
        deviation = math.sqrt(probability * (1 - probability) / sample_count)
        assert abs(counts[pieces] / sample_count - probability) < 5 * deviation


def test_the_cache_changes_nothing(
    tokenizers: dict[str, Tokenizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tokenizers["bpe"].sample(SENTENCES, alpha=0.2, seed=7)
    monkeypatch.setattr("seqlstm.text.subword_regularization.MAX_CACHED_PIECES", 50)
    assert Tokenizer(tokenizers["bpe"].model).sample(SENTENCES, alpha=0.2, seed=7) == expected


@pytest.mark.parametrize("kind", ["char", "word"])
def test_types_without_sampling(tokenizers: dict[str, Tokenizer], kind: str) -> None:
    with pytest.raises(TokenizerError, match=rf"a {kind} tokenizer(?s:.*)unigram or bpe"):
        tokenizers[kind].sample(["text"], alpha=0.1, seed=1)
