"""Dynamic evaluation against its formula, weight by weight."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch

from seqlstm.data.batching.streams import TokenStream, encode_stream
from seqlstm.errors import ArgumentError
from seqlstm.evaluation.dynamic_evaluation import (
    DynamicEvaluation,
    GradientStatistics,
    dynamic_weights,
    gather_statistics,
    score_dynamically,
)
from seqlstm.evaluation.perplexity import score_text
from seqlstm.models.language_model import LanguageModel
from seqlstm.recurrent.state import State, detach
from seqlstm.text.tokenizer import Tokenizer
from tests.evaluation.test_perplexity import ROWS, every_unit, ids_of
from tests.tiny import FLOAT32, LINES, random_language_model


@pytest.fixture
def model(tokenizer: Tokenizer) -> LanguageModel:
    return random_language_model(tokenizer.vocab_size, seed=4)


@pytest.fixture(scope="module")
def train(tokenizer: Tokenizer) -> TokenStream:
    return encode_stream(LINES, tokenizer=tokenizer, unit="line")


def settings(tokenizer: Tokenizer, unit: str = "line") -> dict[str, Any]:
    return {"tokenizer": tokenizer, "precision": FLOAT32, "unit": unit}


def loss_by_hand(model: LanguageModel, ids: list[int], state: State) -> tuple[torch.Tensor, State]:
    """The summed loss of a span, computed step by step."""
    loss = torch.zeros((), dtype=torch.double)
    for token, target in pairwise(ids):
        logits, state = model.advance(torch.tensor([token]), state)
        loss = loss - logits.log_softmax(-1)[0, target]
    return loss, state


def nats_by_hand(
    model: LanguageModel, ids: list[int], roots: list[torch.Tensor], options: DynamicEvaluation
) -> float:
    """Each span is scored, and then the weights are updated as in the paper."""
    weights = list(model.parameters())
    trained = [weight.detach().clone() for weight in weights]
    every = torch.cat([root.flatten() for root in roots])
    state, nats = model.initial_state(1), 0.0
    for begin in range(0, len(ids) - 1, options.span):
        part = ids[begin : begin + options.span + 1]
        loss, state = loss_by_hand(model, part, state)
        nats += loss.item()
        gradients = torch.autograd.grad(loss / (len(part) - 1), weights)
        state = detach(state)
        with torch.no_grad():
            for weight, old, gradient, root in zip(weights, trained, gradients, roots, strict=True):
                pull = (options.decay * root / every.mean()).clamp(max=1.0)
                step = options.rate * gradient / (root + options.epsilon)
                weight.copy_(weight - step + pull * (old - weight))
    return nats


@every_unit
@pytest.mark.parametrize(
    "options",
    [
        DynamicEvaluation(rate=0.002, decay=0.3, span=4),
        DynamicEvaluation(rate=0.01, decay=5.0, epsilon=0.1, span=7),
    ],
    ids=["free", "held"],
)
def test_the_formula(
    model: LanguageModel,
    tokenizer: Tokenizer,
    train: TokenStream,
    unit: str,
    options: DynamicEvaluation,
) -> None:
    statistics = gather_statistics(model, train, options, FLOAT32)
    result = score_dynamically(
        model, ROWS[unit], statistics=statistics, options=options, **settings(tokenizer, unit)
    )
    static = score_text(model, ROWS[unit], **settings(tokenizer, unit))
    expected = nats_by_hand(model, ids_of(tokenizer, unit), statistics.roots, options)
    assert result.nats == pytest.approx(expected, rel=1e-7)
    assert result.nats != pytest.approx(static.nats, rel=1e-4)
    assert (result.tokens, result.words) == (static.tokens, static.words)


def test_the_statistics_are_root_mean_squares(model: LanguageModel, tokenizer: Tokenizer) -> None:
    ids = [tokenizer.end, *tokenizer.encode("Nobody sells nothing")]
    options = DynamicEvaluation(span=3, batches=2)
    result = gather_statistics(model, TokenStream(torch.tensor(ids)), options, FLOAT32)
    # As many rows as pieces, of one step each: one batch.
    weights = list(model.parameters())
    losses = [loss_by_hand(model, list(two), model.initial_state(1))[0] for two in pairwise(ids)]
    mean = torch.stack(losses).mean()
    for root, gradient in zip(
        result.roots, torch.autograd.grad(mean, weights, materialize_grads=True), strict=True
    ):
        torch.testing.assert_close(root, gradient.abs())
    assert result.description == f"train 1x{len(ids) - 1}x3"


def test_several_batches_of_statistics(
    model: LanguageModel, train: TokenStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqlstm.evaluation.dynamic_evaluation.STATISTICS_BATCH_SIZE", 1)
    options = DynamicEvaluation(span=4, batches=3)
    result = gather_statistics(model, train, options, FLOAT32)
    weights = list(model.parameters())
    squares = [torch.zeros_like(weight) for weight in weights]
    state, ids = model.initial_state(1), train.ids.tolist()
    for begin in (0, 4, 8):
        loss, state = loss_by_hand(model, ids[begin : begin + 5], detach(state))
        for square, gradient in zip(squares, torch.autograd.grad(loss / 4, weights), strict=True):
            square += gradient**2
    for root, square in zip(result.roots, squares, strict=True):
        torch.testing.assert_close(root, (square / 3).sqrt())
    assert result.description == "train 3x1x4"


@every_unit
@pytest.mark.parametrize("streams", [1, 3])
def test_at_learning_rate_zero_it_is_static_evaluation(
    model: LanguageModel, tokenizer: Tokenizer, train: TokenStream, unit: str, streams: int
) -> None:
    options = DynamicEvaluation(rate=0.0)
    statistics = gather_statistics(model, train, options, FLOAT32)
    how = settings(tokenizer, unit) | {"streams": streams}
    result = score_dynamically(model, ROWS[unit], statistics=statistics, options=options, **how)
    assert result.nats == pytest.approx(score_text(model, ROWS[unit], **how).nats, rel=1e-9)


def test_the_weights_are_restored(
    model: LanguageModel, tokenizer: Tokenizer, train: TokenStream
) -> None:
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    options = DynamicEvaluation(rate=0.1)
    statistics = gather_statistics(model, train, options, FLOAT32)
    static = score_text(model, ROWS["line"], **settings(tokenizer))
    score_dynamically(
        model, ROWS["line"], statistics=statistics, options=options, **settings(tokenizer)
    )

    def stop() -> None:
        with dynamic_weights(model, statistics, options) as weights:
            weights.update([torch.ones_like(weight) for weight in model.parameters()])
            changed = dict(model.named_parameters())
            assert not any(torch.equal(changed[name], old) for name, old in before.items())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    for name, weight in model.named_parameters():
        assert torch.equal(weight, before[name])
        assert weight.grad is None
    again = score_text(model, ROWS["line"], **settings(tokenizer))
    assert again.nats == static.nats


def test_a_repeated_text_becomes_more_probable(
    model: LanguageModel, tokenizer: Tokenizer, train: TokenStream
) -> None:
    options = DynamicEvaluation(rate=0.01, epsilon=0.1)
    statistics = gather_statistics(model, train, options, FLOAT32)
    rows = [LINES[0]] * 20
    how = settings(tokenizer)
    learned = score_dynamically(model, rows, statistics=statistics, options=options, **how)
    assert learned.nats < 0.95 * score_text(model, rows, **how).nats


def test_the_signature(model: LanguageModel, tokenizer: Tokenizer, train: TokenStream) -> None:
    options = DynamicEvaluation(rate=0.5, decay=0.25, epsilon=0.125, span=6)
    roots = [torch.ones_like(weight) for weight in model.parameters()]
    result = score_dynamically(
        model,
        ROWS["line"],
        statistics=GradientStatistics(roots, "train 1x2x3"),
        options=options,
        **settings(tokenizer),
    )
    assert (
        "|state:carried|streams:1|dynamic:rms,rate:0.5,decay:0.25,epsilon:0.125,span:6,"
        "gradients:train 1x2x3|" in result.signature
    )
    assert math.isfinite(result.nats)


@pytest.mark.parametrize(
    "wrong", [{"rate": -1}, {"decay": -1}, {"epsilon": 0}, {"span": 0}, {"batches": 0}]
)
def test_invalid_arguments(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=f"dynamic {next(iter(wrong))} must be"):
        DynamicEvaluation(**wrong)
