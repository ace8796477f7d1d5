"""Attention over the encoder's outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from seqlstm.nn.linear import Linear
from seqlstm.nn.matmul import bmm
from seqlstm.recurrent.connections import at_least_float32

MAX_FEATURES = 2**22  # outputs of the tanh of additive attention at once: 16 MB in float32

Memory: TypeAlias = tuple[Tensor, Tensor, Tensor]
"""Keys and values (batch, source, features), and the mask (batch, source), true at real ids."""


class Attention(nn.Module, ABC):
    """Attention: for each query, the average of the values with weights from scores of the keys.

    The values are the encoder's outputs. Each head reads its own slice of the features of queries,
    keys and values.

    With coverage (Tu et al., 2016; See, Liu & Manning, 2017) a key is k + w·a, where a is the sum
    of the weights that its position has had so far; each head has its own vector w.

    Args:
        query_size: features of one query.
        memory_size: features of one position of the encoder's output.
        heads: number of attention heads.
        coverage: whether the scores depend on the sum of the past weights.

    Raises:
        ValueError: `heads` does not divide `memory_size`.
    """

    def __init__(
        self, query_size: int, memory_size: int, *, heads: int = 1, coverage: bool = False
    ) -> None:
        super().__init__()
        if heads < 1 or memory_size % heads:
            raise ValueError(f"heads must divide the encoder's width {memory_size}, was: {heads}")
        self.output = memory_size
        self.heads = heads
        size = memory_size // heads
        self.coverage = nn.Parameter(torch.randn(heads, size) * size**-0.5) if coverage else None

    def prepare(self, encoded: Tensor, mask: Tensor) -> Memory:
        """The memory, from the encoder's outputs (batch, source, memory) and the mask."""
        return encoded, encoded, mask

    @abstractmethod
    def scores(self, queries: Tensor, keys: Tensor, past: Tensor | None) -> Tensor:
        """Scores of the keys, (batch, heads, time, source), in float32 at least."""

    def weights(self, queries: Tensor, memory: Memory, past: Tensor | None = None) -> Tensor:
        """Weights (batch, heads, time, source), which sum to one over the real source ids.

        Args:
            queries: (batch, time, query).
            memory: from `prepare`.
            past: with coverage, the sum of the weights before each query, shaped as the weights.
        """
        keys, _, mask = memory
        scores = self.scores(queries, keys, past)
        return scores.masked_fill(~mask[:, None, None], float("-inf")).softmax(-1)

    def context(self, weights: Tensor, memory: Memory) -> Tensor:
        """Contexts (batch, time, memory): averages of the values with these weights."""
        values = split(memory[1], self.heads)
        return bmm(weights.to(values.dtype), values).transpose(1, 2).flatten(2)


class DotProductAttention(Attention):
    """Scaled dot-product attention (Vaswani et al., 2017); keys are the encoder's outputs."""

    query: nn.Module  # from queries to the size of the keys

    def scores(self, queries: Tensor, keys: Tensor, past: Tensor | None) -> Tensor:
        keys = split(keys, self.heads)
        queries = split(self.query(queries).to(keys.dtype), self.heads)
        scores = bmm(queries, keys.mT, dtype=torch.promote_types(keys.dtype, torch.float32))
        if self.coverage is not None:
            assert past is not None
            # q · (k + w·a) = q · k + (q · w) a
            bias = queries @ self.coverage.to(keys.dtype).unsqueeze(-1)
            scores = scores + at_least_float32(bias) * past
        scaled: Tensor = scores * keys.shape[-1] ** -0.5
        return scaled


class DotAttention(DotProductAttention):
    """q · k / √size (Luong, Pham & Manning, 2015, "dot").

    Raises:
        ValueError: the two sizes differ.
    """

    def __init__(
        self, query_size: int, memory_size: int, *, heads: int = 1, coverage: bool = False
    ) -> None:
        super().__init__(query_size, memory_size, heads=heads, coverage=coverage)
        if query_size != memory_size:
            raise ValueError(
                "dot compares the decoder's outputs with the encoder's, so both must be equally "
                f"wide, were: {query_size} and {memory_size}; general puts a matrix between them"
            )
        self.query = nn.Identity()


class GeneralAttention(DotProductAttention):
    """q · W k / √size (Luong, Pham & Manning, 2015, "general"); W maps the queries."""

    def __init__(
        self, query_size: int, memory_size: int, *, heads: int = 1, coverage: bool = False
    ) -> None:
        super().__init__(query_size, memory_size, heads=heads, coverage=coverage)
        self.query = Linear(query_size, memory_size, bias=False)


class AdditiveAttention(Attention):
    """v · tanh(W q + U k) (Bahdanau, Cho & Bengio, 2015), whose hidden size is the memory's.

    U k is computed once for all queries. The outputs of tanh, (batch, heads, time, source, size),
    are saved for the backward pass if they are small; otherwise they are computed for a slice of
    queries at a time and computed again in the backward pass.
    """

    def __init__(
        self, query_size: int, memory_size: int, *, heads: int = 1, coverage: bool = False
    ) -> None:
        super().__init__(query_size, memory_size, heads=heads, coverage=coverage)
        self.query = Linear(query_size, memory_size, bias=False)
        self.key = Linear(memory_size, memory_size, bias=False)
        size = memory_size // heads
        self.vector = nn.Parameter(torch.randn(heads, size) * size**-0.5)

    def prepare(self, encoded: Tensor, mask: Tensor) -> Memory:
        return self.key(encoded), encoded, mask

    def scores(self, queries: Tensor, keys: Tensor, past: Tensor | None) -> Tensor:
        queries = self.query(queries).to(keys.dtype)
        if queries.shape[1] * keys.numel() <= MAX_FEATURES:
            return self.additive_scores(queries, keys, past)
        time = max(1, MAX_FEATURES // keys.numel())
        slices = torch.split(queries, time, 1)
        pasts = [None] * len(slices) if past is None else torch.split(past, time, 2)
        recomputed = partial(
            checkpoint, self.additive_scores, use_reentrant=False, preserve_rng_state=False
        )
        return torch.cat([recomputed(q, keys, a) for q, a in zip(slices, pasts, strict=True)], 2)

    def additive_scores(self, queries: Tensor, keys: Tensor, past: Tensor | None) -> Tensor:
        """Scores of projected queries."""
        queries, keys = split(queries, self.heads), split(keys, self.heads)
        sums = queries.unsqueeze(3) + keys.unsqueeze(2)
        if self.coverage is not None:
            assert past is not None
            sums = sums + past.to(keys.dtype).unsqueeze(-1) * self.coverage[:, None, None].to(keys)
        vector = self.vector.to(keys.dtype)
        return at_least_float32(torch.einsum("bhtsd,hd->bhts", sums.tanh(), vector))


ATTENTIONS: dict[str, type[Attention]] = {
    "general": GeneralAttention,
    "dot": DotAttention,
    "additive": AdditiveAttention,
}


def split(features: Tensor, heads: int) -> Tensor:
    """(batch, time, features) -> (batch, heads, time, features / heads)."""
    batch, time, _ = features.shape
    return features.view(batch, time, heads, -1).transpose(1, 2)


def source_mask(lengths: Tensor, time: int) -> Tensor:
    """The mask (batch, time): true at the real ids of rows of these lengths."""
    return torch.arange(time, device=lengths.device) < lengths.unsqueeze(1)
