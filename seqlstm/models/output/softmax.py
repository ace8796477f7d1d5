"""Features to logits, or straight to the summed loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqlstm.models.output.fused_cross_entropy import cross_entropy
from seqlstm.nn.linear import Linear, linear


class OutputLayer(nn.Module):
    """Scores every id of the vocabulary.

    Args:
        width: features of one input.
        vocabulary: how many ids.
        tied: the embedding whose table is used as the output matrix too (Press & Wolf, 2017; Inan,
            Khosravi & Socher, 2017); a linear map leads to its width where the two differ.
        label_smoothing: share of the target's probability that is spread over the whole vocabulary
            while training (Szegedy et al., 2016).
    """

    def __init__(
        self,
        width: int,
        vocabulary: int,
        *,
        tied: nn.Embedding | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing
        self.bottleneck: nn.Module = nn.Identity()
        self.weight: Tensor
        if tied is None:
            self.weight = nn.Parameter(torch.randn(vocabulary, width) * width**-0.5)
        else:
            self.weight = tied.weight
            if tied.embedding_dim != width:
                self.bottleneck = Linear(width, tied.embedding_dim)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, features: Tensor) -> Tensor:
        """(..., width) -> logits (..., vocabulary)."""
        return linear(self.bottleneck(features), self.weight, self.bias)

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """The summed cross-entropy, in nats, of features (tokens, width) against targets (tokens,).

        Smoothed while training, if asked.
        """
        smoothing = self.label_smoothing if self.training else 0.0
        features = self.bottleneck(features)
        return cross_entropy(features, targets, self.weight, self.bias, smoothing)
