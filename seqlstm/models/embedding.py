"""Ids to features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqlstm.nn.dropout import Dropout


class TokenEmbedding(nn.Module):
    """A table of features, one row an id.

    Args:
        vocabulary: how many ids.
        width: features of each.
        dropout: on the features.
        variational: one dropout mask for a whole sequence, or one for each step.
        word: probability of an id to be read as zeros, wherever it stands in the batch: rows of the
            table are dropped, as types (Gal & Ghahramani, 2016, §4.2; a mask a batch as Merity,
            Keskar & Socher, 2017, §4.3), and the others scaled up.

    Raises:
        ValueError: no such probability.
    """

    def __init__(
        self,
        vocabulary: int,
        width: int,
        *,
        dropout: float = 0.0,
        variational: bool = True,
        word: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= word < 1:
            raise ValueError(f"word dropout must be in [0, 1), was: {word}")
        self.word = word
        self.table = nn.Embedding(vocabulary, width)
        # Unit rows in expectation: fit to be read, and to be multiplied with as a tied readout.
        nn.init.normal_(self.table.weight, std=width**-0.5)
        self.scale = width**0.5
        self.dropout = Dropout(dropout, variational=variational)

    def forward(self, ids: Tensor) -> Tensor:
        """(batch, time) ids -> (time, batch, width): turned here, where it costs nothing."""
        ids = ids.t()
        features: Tensor = self.table(ids) * self.scale
        if self.training and self.word:
            share = 1 - self.word
            kept = self.table.weight.new_empty(len(self.table.weight)).bernoulli_(share)
            features = features * torch.embedding(kept.div_(share).unsqueeze(1), ids)
        dropped: Tensor = self.dropout(features)
        return dropped
