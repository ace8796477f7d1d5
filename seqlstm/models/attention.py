"""What a decoder reads of its source."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from seqlstm.nn.linear import Linear
from seqlstm.nn.matmul import bmm

LARGEST = 2**22  # features of additive scores that exist at once: 16 MB in float32

Memory: TypeAlias = tuple[Tensor, Tensor, Tensor]
"""Keys and values (batch, source, features), and (batch, source), true at real ids."""


class Attention(nn.Module, ABC):
    """Reads, for every query, an average of the values, weighted by how the keys fit.

    Values are the encoder's outputs. With several heads each reads its own slice of them, by its
    own slice of queries and keys.

    With coverage (Tu et al., 2016; See, Liu & Manning, 2017) a key tells how much attention its
    position has had so far, a: it is k + w·a, with a vector w of its own for each head.

    Args:
        query: features of one query.
        memory: features of one position of the encoder's output.
        heads: how many there are.
        coverage: the scores read the sum of the past weights.

    Raises:
        ValueError: heads that do not divide the memory's width.
    """

    def __init__(self, query: int, memory: int, *, heads: int = 1, coverage: bool = False) -> None:
        super().__init__()
        if heads < 1 or memory % heads:
            raise ValueError(f"heads must divide the encoder's width {memory}, was: {heads}")
        self.query_width = query
        self.output = memory
        self.heads = heads
        size = memory // heads
        self.coverage = nn.Parameter(torch.randn(heads, size) * size**-0.5) if coverage else None

    def prepare(self, encoded: Tensor, mask: Tensor) -> Memory:
        """What does not depend on the queries, from (batch, source, memory) and (batch, source)."""
        return encoded, encoded, mask

    @abstractmethod
    def scores(self, queries: Tensor, keys: Tensor, past: Tensor | None) -> Tensor:
        """How well each key fits, (batch, heads, time, source), in float32 at least."""

    def weights(self, queries: Tensor, memory: Memory, past: Tensor | None = None) -> Tensor:
        """Weights (batch, heads, time, source), which sum to one over the real source ids.

        `queries`: (batch, time, query). `past`: with coverage, the sum of the weights that came
        before each query, shaped as they are.
        """
        keys, _, mask = memory
        scores = self.scores(queries, keys, past)
        return scores.masked_fill(~mask[:, None, None], float("-inf")).softmax(-1)

    def read(self, weights: Tensor, memory: Memory) -> Tensor:
        """Contexts (batch, time, memory): the values by these weights."""
        values = split(memory[1], self.heads)
        return bmm(weights.to(values.dtype), values).transpose(1, 2).flatten(2)


class DotProductAttention(Attention):
    """Scores are scaled dot products (Vaswani et al., 2017); keys are the encoder's outputs."""

    # Makes queries as wide as keys.
    query: nn.Module

    def scores(self, queries: Tensor, keys: Tensor, past: Tensor | None) -> Tensor:
        keys = split(keys, self.heads)
        queries = split(self.query(queries).to(keys.dtype), self.heads)
        scores = bmm(queries, keys.mT, dtype=exact(keys.dtype))
        if self.coverage is not None:
            assert past is not None
            # q · (k + w·a) = q · k + (q · w) a
            scores = scores + precise(queries @ self.coverage.to(keys.dtype).unsqueeze(-1)) * past
        scaled: Tensor = scores * keys.shape[-1] ** -0.5
        return scaled


class DotAttention(DotProductAttention):
    """q · k / √size (Luong, Pham & Manning, 2015, "dot").

    Raises:
        ValueError: queries that are not as wide as the keys.
    """

    def __init__(self, query: int, memory: int, *, heads: int = 1, coverage: bool = False) -> None:
        super().__init__(query, memory, heads=heads, coverage=coverage)
        if query != memory:
            raise ValueError(
                "dot compares the decoder's outputs with the encoder's, so both must be equally "
                f"wide, were: {query} and {memory}; general puts a matrix between them"
            )
        self.query = nn.Identity()


class GeneralAttention(DotProductAttention):
    """q · W k / √size (Luong, Pham & Manning, 2015, "general"); W stands on the query's side."""

    def __init__(self, query: int, memory: int, *, heads: int = 1, coverage: bool = False) -> None:
        super().__init__(query, memory, heads=heads, coverage=coverage)
        self.query = Linear(query, memory, bias=False)


class AdditiveAttention(Attention):
    """v · tanh(W q + U k) (Bahdanau, Cho & Bengio, 2015), as wide inside as the memory.

    U k is taken once for all queries. What tanh gives, (batch, heads, time, source, size), is kept
    for backward where it is small; else it exists for some queries at a time, and is computed anew.
    """

    def __init__(self, query: int, memory: int, *, heads: int = 1, coverage: bool = False) -> None:
        super().__init__(query, memory, heads=heads, coverage=coverage)
        self.query = Linear(query, memory, bias=False)
        self.key = Linear(memory, memory, bias=False)
        size = memory // heads
        self.vector = nn.Parameter(torch.randn(heads, size) * size**-0.5)

    def prepare(self, encoded: Tensor, mask: Tensor) -> Memory:
        return self.key(encoded), encoded, mask

    def scores(self, queries: Tensor, keys: Tensor, past: Tensor | None) -> Tensor:
        queries = self.query(queries).to(keys.dtype)
        if queries.shape[1] * keys.numel() <= LARGEST:
            return self.some(queries, keys, past)
        time = max(1, LARGEST // keys.numel())
        asked = torch.split(queries, time, 1)
        pasts = [None] * len(asked) if past is None else torch.split(past, time, 2)
        anew = partial(checkpoint, self.some, use_reentrant=False, preserve_rng_state=False)
        return torch.cat([anew(q, keys, a) for q, a in zip(asked, pasts, strict=True)], 2)

    def some(self, queries: Tensor, keys: Tensor, past: Tensor | None) -> Tensor:
        """Scores of projected queries."""
        queries, keys = split(queries, self.heads), split(keys, self.heads)
        sums = queries.unsqueeze(3) + keys.unsqueeze(2)
        if self.coverage is not None:
            assert past is not None
            sums = sums + past.to(keys.dtype).unsqueeze(-1) * self.coverage[:, None, None].to(keys)
        vector = self.vector.to(keys.dtype)
        return precise(torch.einsum("bhtsd,hd->bhts", sums.tanh(), vector))


ATTENTIONS: dict[str, type[Attention]] = {
    "general": GeneralAttention,
    "dot": DotAttention,
    "additive": AdditiveAttention,
}


def split(features: Tensor, heads: int) -> Tensor:
    """(batch, time, features) -> (batch, heads, time, features / heads)."""
    batch, time, _ = features.shape
    return features.view(batch, time, heads, -1).transpose(1, 2)


def precise(scores: Tensor) -> Tensor:
    """In float32, or more if it was: softmax takes differences of what may be large."""
    return scores.to(exact(scores.dtype))


def exact(dtype: torch.dtype) -> torch.dtype:
    """This type, or float32 if that says more."""
    return torch.promote_types(dtype, torch.float32)


def source_mask(lengths: Tensor, time: int) -> Tensor:
    """(batch, time): true at the real ids of rows of the given lengths."""
    return torch.arange(time, device=lengths.device) < lengths.unsqueeze(1)
