from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from seqlstm.models.attention import ATTENTIONS, Dot, Memory, source_mask
from tests.recurrent.cases import assert_same, noise, randomise

BATCH, TIME, SOURCE, QUERY, MEMORY = 3, 4, 5, 6, 8
LENGTHS = torch.tensor([5, 2, 1])

every_attention = pytest.mark.parametrize("kind", ATTENTIONS)
every_head = pytest.mark.parametrize("heads", [1, 2, 8])
# Weights are computed in float32, whatever the rest is.
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def dot(heads: int) -> Dot:
    attention: Dot = randomise(Dot(QUERY, MEMORY, heads=heads).double())
    return attention


def encoded(*, padding: float = 1e4) -> tuple[Tensor, Tensor]:
    """The encoder's outputs with rubbish at padding, and the mask of what is real."""
    mask = source_mask(LENGTHS, SOURCE)
    return noise(BATCH, SOURCE, MEMORY, seed=2).masked_fill(~mask.unsqueeze(-1), padding), mask


def queries() -> Tensor:
    return noise(BATCH, TIME, QUERY, seed=3)


def test_the_mask_is_true_at_real_ids() -> None:
    expected = [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]]
    assert source_mask(LENGTHS, SOURCE).long().tolist() == expected


@every_attention
def test_weights_sum_to_one_over_the_real_ids(kind: str) -> None:
    attention = randomise(ATTENTIONS[kind](QUERY, MEMORY).double())
    memory = attention.prepare(*encoded())
    weights = attention.weights(queries(), memory)
    real = memory[2][:, None, None].expand_as(weights)
    assert_same(weights.sum(-1), torch.ones_like(weights[..., 0]), **CLOSE)
    assert (weights[~real] == 0).all()
    assert (weights[real] > 0).all()


@every_attention
def test_padding_leaves_no_trace(kind: str) -> None:
    attention = randomise(ATTENTIONS[kind](QUERY, MEMORY).double())
    one, other = (
        attention(queries(), attention.prepare(*encoded(padding=value))) for value in (1e4, -3.0)
    )
    assert torch.equal(one, other)
    assert one.shape == (BATCH, TIME, attention.output)


@every_head
def test_heads_by_a_plain_loop(heads: int) -> None:
    attention = dot(heads)
    memory: Memory = attention.prepare(*encoded())
    contexts = attention(queries(), memory).detach()
    size = MEMORY // heads
    for row in range(BATCH):
        read = memory[0][row, : LENGTHS[row]]
        for time in range(TIME):
            query = attention.query.weight.detach() @ queries()[row, time]
            for head in range(heads):
                part = slice(head * size, (head + 1) * size)
                scores = [float(key[part] @ query[part]) / math.sqrt(size) for key in read]
                total = sum(math.exp(score) for score in scores)
                parts = [math.exp(s) / total * v[part] for s, v in zip(scores, read, strict=True)]
                assert_same(contexts[row, time, part], torch.stack(parts).sum(0), **CLOSE)


def test_a_query_reads_by_itself() -> None:
    attention = dot(2)
    memory = attention.prepare(*encoded())
    whole = attention(queries(), memory)
    alone = [attention(query.unsqueeze(1), memory) for query in queries().unbind(1)]
    assert_same(torch.cat(alone, 1), whole, **CLOSE)


@pytest.mark.parametrize("heads", [0, 3, 16])
def test_heads_must_divide_the_memory(heads: int) -> None:
    with pytest.raises(ValueError, match=f"must divide the encoder's width 8, was: {heads}"):
        Dot(QUERY, MEMORY, heads=heads)
