"""The continuous cache against its formula, written out position by position."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from seqlstm.errors import ArgumentError
from seqlstm.evaluation.neural_cache import CacheMemory, NeuralCache, score_with_cache
from seqlstm.evaluation.perplexity import score_text
from seqlstm.models.language_model import LanguageModel
from seqlstm.text.tokenizer import Tokenizer
from tests.evaluation.test_perplexity import ROWS, every_unit, ids_of
from tests.tiny import FLOAT32, random_language_model


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> LanguageModel:
    return random_language_model(tokenizer.vocab_size, seed=4)


def settings(tokenizer: Tokenizer, unit: str) -> dict[str, Any]:
    return {"tokenizer": tokenizer, "precision": FLOAT32, "unit": unit}


@torch.no_grad()
def states_and_probs(
    model: LanguageModel, ids: list[int]
) -> tuple[list[list[float]], list[list[float]]]:
    """The input of the output layer at each step, and the output probabilities."""
    state, hidden, probs = model.initial_state(1), [], []
    for token in ids:
        features, after = model.stack(model.embedding(torch.tensor([[token]])), state)
        assert after is not None
        state = after
        hidden.append(features.flatten().tolist())
        probs.append(model.output_layer(features).softmax(-1).flatten().tolist())
    return hidden, probs


def cached_by_hand(
    hidden: list[list[float]], ids: list[int], t: int, options: NeuralCache
) -> dict[int, float]:
    """p_cache of every piece that the cache stores before `ids[t + 1]` is scored."""
    weights: dict[int, float] = {}
    for i in range(max(0, t - options.size), t):
        alike = sum(a * b for a, b in zip(hidden[t], hidden[i], strict=True))
        piece = ids[i + 1]
        weights[piece] = weights.get(piece, 0.0) + math.exp(options.flatness * alike)
    total = sum(weights.values())
    return {piece: weight / total for piece, weight in weights.items()}


def nats_by_hand(model: LanguageModel, ids: list[int], options: NeuralCache) -> float:
    hidden, probs = states_and_probs(model, ids[:-1])
    nats = 0.0
    for t, piece in enumerate(ids[1:]):
        share = options.share if t else 0.0
        cached = cached_by_hand(hidden, ids, t, options)
        nats -= math.log((1 - share) * probs[t][piece] + share * cached.get(piece, 0.0))
    return nats


@every_unit
@pytest.mark.parametrize(
    "options",
    [NeuralCache(size=500, share=0.3), NeuralCache(7, 2.0, 0.2), NeuralCache(1, 0.0, 0.5)],
    ids=str,
)
@pytest.mark.parametrize("span", [1, 5, 256])
def test_the_formula(
    model: LanguageModel,
    tokenizer: Tokenizer,
    monkeypatch: pytest.MonkeyPatch,
    unit: str,
    options: NeuralCache,
    span: int,
) -> None:
    monkeypatch.setattr("seqlstm.evaluation.neural_cache.SPAN", span)
    scores = score_with_cache(model, ROWS[unit], options=options, **settings(tokenizer, unit))
    ids = ids_of(tokenizer, unit)
    assert scores.nats == pytest.approx(nats_by_hand(model, ids, options), rel=1e-9)
    static = score_text(model, ROWS[unit], **settings(tokenizer, unit))
    assert scores.nats != pytest.approx(static.nats, rel=1e-4)
    assert (scores.tokens, scores.words, scores.bytes) == (
        *(static.tokens, static.words, static.bytes),
    )


@every_unit
def test_at_share_zero_the_cache_has_no_effect(
    model: LanguageModel, tokenizer: Tokenizer, unit: str
) -> None:
    for streams in (1, 3):
        how = settings(tokenizer, unit) | {"streams": streams}
        scores = score_with_cache(model, ROWS[unit], options=NeuralCache(share=0.0), **how)
        assert scores.nats == pytest.approx(score_text(model, ROWS[unit], **how).nats, rel=1e-9)


def test_every_stream_has_its_own_cache(model: LanguageModel, tokenizer: Tokenizer) -> None:
    ids, options = ids_of(tokenizer, "line"), NeuralCache(share=0.4)
    steps = -(-(len(ids) - 1) // 3)
    parts = [ids[start : start + steps + 1] for start in range(0, len(ids) - 1, steps)]
    how = settings(tokenizer, "line") | {"streams": 3}
    scores = score_with_cache(model, ROWS["line"], options=options, **how)
    expected = sum(nats_by_hand(model, part, options) for part in parts)
    assert scores.nats == pytest.approx(expected, rel=1e-9)


def test_it_is_a_distribution(tokenizer: Tokenizer) -> None:
    """The probabilities of all possible next pieces add up to 1."""
    generator = torch.Generator().manual_seed(3)
    size, time, hidden = 9, 6, 4

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.double)

    features, targets = normal(1, time, hidden), torch.tensor([[1, 4, 4, 2, 1, 0]])
    probs = normal(1, time, size).log_softmax(-1)
    total = torch.zeros(time, dtype=torch.double)
    for piece in range(size):
        for at in range(time):
            pairs = CacheMemory(NeuralCache(size=3, share=0.3))
            varied = targets.clone()
            varied[0, at] = piece
            scores = probs.gather(2, varied.unsqueeze(2)).squeeze(2)
            total[at] += pairs.mix(features, varied, scores)[0, at].exp()
    assert total.tolist() == pytest.approx([1.0] * time)


def test_the_signature(model: LanguageModel, tokenizer: Tokenizer) -> None:
    options = NeuralCache(size=300, flatness=0.25, share=0.05)
    scores = score_with_cache(model, ROWS["line"], options=options, **settings(tokenizer, "line"))
    assert "|state:carried|streams:1|cache:300,flatness:0.25,share:0.05|" in scores.signature


@pytest.mark.parametrize("wrong", [{"size": 0}, {"flatness": -1}, {"share": 1.0}, {"share": -0.1}])
def test_invalid_arguments(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=f"cache {next(iter(wrong))} must be"):
        NeuralCache(**wrong)
