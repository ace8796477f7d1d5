from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from seqlstm.models import attention as module
from seqlstm.models.attention import (
    ATTENTIONS,
    AdditiveAttention,
    Attention,
    DotAttention,
    GeneralAttention,
    Memory,
    source_mask,
)
from tests.recurrent.cases import assert_same, noise, randomise

BATCH, TIME, SOURCE, QUERY, MEMORY = 3, 4, 5, 6, 8
LENGTHS = torch.tensor([5, 2, 1])

every_attention = pytest.mark.parametrize("kind", ATTENTIONS)
every_head = pytest.mark.parametrize("heads", [1, 2, 8])
with_and_without_coverage = pytest.mark.parametrize("coverage", [False, True])


def attention_of(kind: str, *, heads: int = 1, coverage: bool = False) -> Attention:
    """In float64, random in every parameter."""
    made = ATTENTIONS[kind](width_of(kind), MEMORY, heads=heads, coverage=coverage)
    attention: Attention = randomise(made.double())
    return attention


def width_of(kind: str) -> int:
    return MEMORY if kind == "dot" else QUERY


def encoded(*, padding: float = 1e4) -> tuple[Tensor, Tensor]:
    """The encoder's outputs with arbitrary values at padding, and the mask of real ids."""
    mask = source_mask(LENGTHS, SOURCE)
    return noise(BATCH, SOURCE, MEMORY, seed=2).masked_fill(~mask.unsqueeze(-1), padding), mask


def queries(kind: str = "general") -> Tensor:
    return noise(BATCH, TIME, width_of(kind), seed=3)


def past_of(attention: Attention) -> Tensor | None:
    """Sums of past weights, as after a few steps; None without coverage."""
    if attention.coverage is None:
        return None
    return 3 * noise(BATCH, attention.heads, TIME, SOURCE, seed=4).softmax(-1)


def contexts(attention: Attention, queries: Tensor, memory: Memory) -> Tensor:
    weights = attention.weights(queries, memory, past_of(attention))
    return attention.context(weights, memory)


def test_the_mask_is_true_at_real_ids() -> None:
    expected = [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]]
    assert source_mask(LENGTHS, SOURCE).long().tolist() == expected


@with_and_without_coverage
@every_attention
def test_weights_sum_to_one_over_the_real_ids(kind: str, coverage: bool) -> None:
    attention = attention_of(kind, heads=2, coverage=coverage)
    memory = attention.prepare(*encoded())
    weights = attention.weights(queries(kind), memory, past_of(attention))
    assert weights.shape == (BATCH, 2, TIME, SOURCE)
    real = memory[2][:, None, None].expand_as(weights)
    assert_same(weights.sum(-1), torch.ones_like(weights[..., 0]))
    assert (weights[~real] == 0).all()
    assert (weights[real] > 0).all()


@every_attention
def test_padding_changes_nothing(kind: str) -> None:
    attention = attention_of(kind)
    one, other = (
        contexts(attention, queries(kind), attention.prepare(*encoded(padding=value)))
        for value in (1e4, -3.0)
    )
    assert torch.equal(one, other)
    assert one.shape == (BATCH, TIME, attention.output)


def plain_score(
    attention: Attention, query: list[float], key: list[float], head: int, amount: float
) -> float:
    """The score of a key for a query, in plain floats. `amount`: the sum of its past weights."""
    size = MEMORY // attention.heads
    part = slice(head * size, (head + 1) * size)

    def times(matrix: Tensor, vector: list[float]) -> list[float]:
        return [sum(w * v for w, v in zip(row, vector, strict=True)) for row in matrix.tolist()]

    if isinstance(attention, (GeneralAttention, AdditiveAttention)):
        query = times(attention.query.weight, query)
    if isinstance(attention, AdditiveAttention):
        key = times(attention.key.weight, key)
    query, key = query[part], key[part]
    if attention.coverage is not None:
        coverage_weights = attention.coverage[head].tolist()
        key = [k + w * amount for k, w in zip(key, coverage_weights, strict=True)]
    if isinstance(attention, AdditiveAttention):
        vector = attention.vector[head].tolist()
        return sum(v * math.tanh(q + k) for v, q, k in zip(vector, query, key, strict=True))
    return sum(q * k for q, k in zip(query, key, strict=True)) / math.sqrt(size)


@with_and_without_coverage
@every_head
@every_attention
def test_by_a_plain_loop(kind: str, heads: int, coverage: bool) -> None:
    attention = attention_of(kind, heads=heads, coverage=coverage)
    memory, past = attention.prepare(*encoded()), past_of(attention)
    result = contexts(attention, queries(kind), memory).detach()
    size = MEMORY // heads
    for row, length in enumerate(LENGTHS.tolist()):
        read = encoded()[0][row, :length].tolist()
        for time in range(TIME):
            query = queries(kind)[row, time].tolist()
            for head in range(heads):
                had = [0.0] * length if past is None else past[row, head, time].tolist()[:length]
                scores = [
                    plain_score(attention, query, key, head, amount)
                    for key, amount in zip(read, had, strict=True)
                ]
                total = sum(math.exp(score) for score in scores)
                for unit in range(head * size, (head + 1) * size):
                    mean = sum(
                        math.exp(s) / total * v[unit] for s, v in zip(scores, read, strict=True)
                    )
                    assert float(result[row, time, unit]) == pytest.approx(mean, rel=1e-9)


@with_and_without_coverage
@every_attention
def test_derivatives(kind: str, coverage: bool) -> None:
    attention = attention_of(kind, heads=2, coverage=coverage)
    values, mask = encoded(padding=0.5)
    query, values = queries(kind).requires_grad_(), values.requires_grad_()
    past = past_of(attention)

    def run(*_: Tensor) -> Tensor:
        memory = attention.prepare(values, mask)
        return attention.context(attention.weights(query, memory, past), memory)

    wanted = [query, values, *attention.parameters()]
    wanted += [] if past is None else [past.requires_grad_()]
    assert torch.autograd.gradcheck(run, wanted)


@every_attention
def test_queries_are_independent(kind: str) -> None:
    attention = attention_of(kind, heads=2)
    memory = attention.prepare(*encoded())
    whole = contexts(attention, queries(kind), memory)
    alone = [contexts(attention, query.unsqueeze(1), memory) for query in queries(kind).unbind(1)]
    assert_same(torch.cat(alone, 1), whole)


@pytest.mark.parametrize("heads", [0, 3, 16])
@every_attention
def test_heads_must_divide_the_memory(kind: str, heads: int) -> None:
    with pytest.raises(ValueError, match=f"must divide the encoder's width 8, was: {heads}"):
        attention_of(kind, heads=heads)


def test_dot_needs_equal_widths() -> None:
    with pytest.raises(ValueError, match=r"equally wide, were: 6 and 8; general puts a matrix"):
        DotAttention(QUERY, MEMORY)


def test_initial_scores_of_general_and_additive_differ_by_key() -> None:
    torch.manual_seed(0)
    for kind in ("general", "additive"):
        attention = ATTENTIONS[kind](QUERY, MEMORY).double()
        memory = attention.prepare(*encoded())
        weights = attention.weights(queries(kind), memory)[0]
        assert 1e-3 < weights.std(-1).min() < weights.std(-1).max() < 0.3


@with_and_without_coverage
def test_additive_scores_in_parts_are_those_of_the_whole(
    coverage: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    attention = attention_of("additive", heads=2, coverage=coverage)
    sizes: list[int] = []
    tanh = Tensor.tanh
    monkeypatch.setattr(Tensor, "tanh", lambda x: (sizes.append(x.numel()), tanh(x))[1])

    def run() -> tuple[Tensor, ...]:
        sizes.clear()
        result = contexts(attention, queries(), attention.prepare(*encoded()))
        return result, *torch.autograd.grad(result.square().sum(), list(attention.parameters()))

    whole, one_query = run(), BATCH * SOURCE * MEMORY
    assert sizes == [TIME * one_query]
    monkeypatch.setattr(module, "MAX_FEATURES", 3 * one_query)
    parts = run()
    assert sizes == [3 * one_query, one_query, one_query, 3 * one_query]  # and again, backwards
    assert_same(parts, whole)
    monkeypatch.setattr(module, "MAX_FEATURES", 1)
    with torch.no_grad():
        assert_same(contexts(attention, queries(), attention.prepare(*encoded())), whole[0])


@every_attention
def test_weights_are_precise_where_products_are_not(kind: str) -> None:
    attention = attention_of(kind).float()
    values, mask = encoded(padding=0.0)
    with torch.autocast("cpu", torch.bfloat16):
        memory = attention.prepare(values.float(), mask)
        weights = attention.weights(queries(kind).float(), memory)
    assert weights.dtype == torch.float32
    exact = attention.weights(queries(kind).float(), attention.prepare(values.float(), mask))
    assert_same(weights, exact, rtol=0.05, atol=0.05)
