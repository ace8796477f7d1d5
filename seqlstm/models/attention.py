"""What a decoder reads of its source."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeAlias

import torch
from torch import Tensor, nn

Memory: TypeAlias = tuple[Tensor, Tensor, Tensor]
"""Keys and values (batch, source, features), and (batch, source), true at real ids."""


class Attention(nn.Module, ABC):
    """Reads, for every query, an average of the values, weighted by how the keys fit.

    Args:
        query: features of one query.
        memory: features of one position of the encoder's output.
    """

    def __init__(self, query: int, memory: int) -> None:
        super().__init__()
        self.query_width = query
        self.output = memory

    @abstractmethod
    def prepare(self, encoded: Tensor, mask: Tensor) -> Memory:
        """What does not depend on the queries, from (batch, source, memory) and (batch, source)."""

    @abstractmethod
    def weights(self, queries: Tensor, memory: Memory) -> Tensor:
        """Weights (batch, heads, time, source), which sum to one over the real source ids."""

    def forward(self, queries: Tensor, memory: Memory) -> Tensor:
        """Queries (batch, time, query) -> contexts (batch, time, memory)."""
        _, values, _ = memory
        weights = self.weights(queries, memory).to(values.dtype)
        heads = weights.shape[1]
        return (weights @ split(values, heads)).transpose(1, 2).flatten(2)


class Dot(Attention):
    """Scaled dot product (Luong, Pham & Manning, 2015; scaled by Vaswani et al., 2017).

    One matrix maps the query to the keys' width (Luong's "general" form); keys and values are the
    encoder's outputs themselves. With several heads each reads its own slice of them.

    Raises:
        ValueError: heads that do not divide the memory's width.
    """

    def __init__(self, query: int, memory: int, *, heads: int = 1) -> None:
        super().__init__(query, memory)
        if heads < 1 or memory % heads:
            raise ValueError(f"heads must divide the encoder's width {memory}, was: {heads}")
        self.heads = heads
        self.query = nn.Linear(query, memory, bias=False)

    def prepare(self, encoded: Tensor, mask: Tensor) -> Memory:
        return encoded, encoded, mask

    def weights(self, queries: Tensor, memory: Memory) -> Tensor:
        keys, _, mask = memory
        keys = split(keys, self.heads)
        queries = split(self.query(queries).to(keys.dtype), self.heads)
        scores: Tensor = (queries @ keys.transpose(2, 3)).float() * keys.shape[-1] ** -0.5
        scores = scores.masked_fill(~mask[:, None, None], float("-inf"))
        return scores.softmax(-1)


def split(features: Tensor, heads: int) -> Tensor:
    """(batch, time, features) -> (batch, heads, time, features / heads)."""
    batch, time, _ = features.shape
    return features.view(batch, time, heads, -1).transpose(1, 2)


ATTENTIONS: dict[str, type[Attention]] = {"dot": Dot}


def source_mask(lengths: Tensor, time: int) -> Tensor:
    """(batch, time): true at the real ids of rows of the given lengths."""
    return torch.arange(time, device=lengths.device) < lengths.unsqueeze(1)
