"""Words translated by themselves."""

from __future__ import annotations

from torch import Tensor, nn

from seqlstm.nn.linear import Linear
from seqlstm.nn.matmul import bmm


class LexicalModule(nn.Module):
    """The lexical module of Nguyen & Chiang (2018): from the words that are looked at to the next.

    f = tanh(Σ a e), a sum over the embeddings e of the source by attention's weights a, and what it
    says is tanh(W f + b) + f. Theirs goes on to logits of its own; here it joins what the readout
    reads, so that words need no second table.

    Args:
        width: features of an embedding.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = Linear(width, width)

    def forward(self, weights: Tensor, embedded: Tensor) -> Tensor:
        """What is said at each step, (batch, time, width).

        Args:
            weights: (batch, heads, time, source), of which heads have equal parts.
            embedded: (batch, source, width).
        """
        read = bmm(weights.mean(1).to(embedded.dtype), embedded).tanh()
        said: Tensor = self.hidden(read).tanh() + read
        return said
