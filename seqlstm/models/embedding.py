"""Token embeddings."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqlstm.nn.dropout import Dropout


class TokenEmbedding(nn.Module):
    """A scaled embedding table with word dropout and dropout.

    Args:
        vocab_size: number of ids.
        embedding_dim: features of one id.
        dropout: on the features.
        variational: one dropout mask for a whole sequence, or one for each step.
        word_dropout: probability of dropping a row of the table, so that its id is zero everywhere
            in the batch; the other rows are scaled up (Gal & Ghahramani, 2016, §4.2; a mask for
            each batch as in Merity, Keskar & Socher, 2017, §4.3).

    Raises:
        ValueError: a probability is out of its range.
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_dim: int,
        *,
        dropout: float = 0.0,
        variational: bool = True,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= word_dropout < 1:
            raise ValueError(f"word dropout must be in [0, 1), was: {word_dropout}")
        self.word_dropout = word_dropout
        self.table = nn.Embedding(vocab_size, embedding_dim)
        # Rows have norm 1 in expectation: the output layer may share the table.
        nn.init.normal_(self.table.weight, std=embedding_dim**-0.5)
        self.scale = embedding_dim**0.5
        self.dropout = Dropout(dropout, variational=variational)

    def forward(self, ids: Tensor) -> Tensor:
        """(batch, time) ids -> (time, batch, embedding_dim)."""
        ids = ids.t()  # cheaper than to transpose the features
        features: Tensor = self.table(ids) * self.scale
        if self.training and self.word_dropout:
            keep = 1 - self.word_dropout
            mask = self.table.weight.new_empty(len(self.table.weight)).bernoulli_(keep)
            features = features * torch.embedding(mask.div_(keep).unsqueeze(1), ids)
        dropped: Tensor = self.dropout(features)
        return dropped
