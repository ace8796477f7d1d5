"""The lexical module of neural machine translation."""

from __future__ import annotations

from torch import Tensor, nn

from seqlstm.nn.linear import Linear
from seqlstm.nn.matmul import bmm


class LexicalModule(nn.Module):
    """The lexical module of Nguyen & Chiang (2018).

    f = tanh(Σ a e), a sum over the embeddings e of the source by the attention weights a, and the
    output is tanh(W f + b) + f. In the paper the output has its own output layer; here it is
    concatenated to the features of the decoder, so that there is only one.

    Args:
        embedding_dim: features of an embedding.
    """

    def __init__(self, embedding_dim: int) -> None:
        super().__init__()
        self.hidden = Linear(embedding_dim, embedding_dim)

    def forward(self, weights: Tensor, embedded: Tensor) -> Tensor:
        """The lexical features of each step, (batch, time, embedding_dim).

        Args:
            weights: attention weights (batch, heads, time, source), averaged over the heads.
            embedded: (batch, source, embedding_dim).
        """
        average = bmm(weights.mean(1).to(embedded.dtype), embedded).tanh()
        features: Tensor = self.hidden(average).tanh() + average
        return features
