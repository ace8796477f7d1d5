"""The softmax output layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqlstm.models.output.fused_cross_entropy import cross_entropy
from seqlstm.nn.linear import Linear, linear


class OutputLayer(nn.Module):
    """A linear output layer with a softmax over the vocabulary.

    Args:
        input_size: features of one input.
        vocab_size: number of ids.
        tied_embedding: an embedding whose table is also the output matrix (Press & Wolf, 2017;
            Inan, Khosravi & Socher, 2017); a linear layer maps features of another size to it.
    """

    def __init__(
        self,
        input_size: int,
        vocab_size: int,
        *,
        tied_embedding: nn.Embedding | None = None,
    ) -> None:
        super().__init__()
        self.bottleneck: nn.Module = nn.Identity()
        self.weight: Tensor
        if tied_embedding is None:
            self.weight = nn.Parameter(torch.randn(vocab_size, input_size) * input_size**-0.5)
        else:
            self.weight = tied_embedding.weight
            if tied_embedding.embedding_dim != input_size:
                self.bottleneck = Linear(input_size, tied_embedding.embedding_dim)
        self.bias = nn.Parameter(torch.zeros(vocab_size))

    def forward(self, features: Tensor) -> Tensor:
        """(..., input_size) -> logits (..., vocabulary)."""
        return linear(self.bottleneck(features), self.weight, self.bias)

    def loss(self, features: Tensor, targets: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
        """The summed cross-entropy, in nats.

        Args:
            features: (tokens, input_size).
            targets: ids, (tokens,).
            label_smoothing: probability that is spread over the vocabulary (Szegedy et al., 2016).
        """
        features = self.bottleneck(features)
        return cross_entropy(features, targets, self.weight, self.bias, label_smoothing)
