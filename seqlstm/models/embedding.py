"""Ids to features."""

from __future__ import annotations

from torch import Tensor, nn

from seqlstm.recurrent.stack import Dropout


class TokenEmbedding(nn.Module):
    """A table of features, one row an id.

    Args:
        vocabulary: how many ids.
        width: features of each.
        dropout: on the features.
        variational: one dropout mask for a whole sequence, or one for each step.
    """

    def __init__(
        self, vocabulary: int, width: int, *, dropout: float = 0.0, variational: bool = True
    ) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, width)
        # Unit rows in expectation: fit to be read, and to be multiplied with as a tied readout.
        nn.init.normal_(self.table.weight, std=width**-0.5)
        self.scale = width**0.5
        self.dropout = Dropout(dropout, variational=variational)

    def forward(self, ids: Tensor) -> Tensor:
        """(batch, time) ids -> (time, batch, width): turned here, where it costs nothing."""
        features: Tensor = self.dropout(self.table(ids.t()) * self.scale)
        return features
