"""A readout that looks at rare ids only where they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from seqlstm.kernels.softmax import log_softmax
from seqlstm.models.output.fused_cross_entropy import cross_entropy, product_dtype
from seqlstm.models.output.softmax import OutputLayer
from seqlstm.nn.linear import cast, linear


class AdaptiveSoftmax(OutputLayer):
    """The adaptive softmax (Grave et al., 2017, "Efficient softmax approximation for GPUs").

    The frequent ids and one entry for each group of rarer ones make a first choice; an id of a
    group is chosen inside it:

        p(id) = p(first choice = id)   or   p(first choice = group) · p(id | group)

    So a token whose target is frequent costs a short row of logits. The paper also narrows the
    features that rare groups read; here all ids keep their width, so that the table may be tied.

    Args:
        width: features of one input.
        vocabulary: how many ids, by falling frequency.
        cutoffs: the first id of each group.
        tied: as in `OutputLayer`.

    Raises:
        ValueError: cutoffs that do not rise, or leave a group empty.
    """

    def __init__(
        self,
        width: int,
        vocabulary: int,
        *,
        cutoffs: Sequence[int],
        tied: nn.Embedding | None = None,
    ) -> None:
        super().__init__(width, vocabulary, tied=tied)
        bounds = [0, *cutoffs, vocabulary]
        if not cutoffs or any(after <= before for before, after in pairwise(bounds)):
            asked = f"must rise between 0 and the vocabulary of {vocabulary}, were: {[*cutoffs]}"
            raise ValueError(f"cutoffs {asked}")
        self.cutoffs = [*cutoffs]
        self.sizes = [after - before for before, after in pairwise(bounds)]
        features = self.weight.shape[1]
        self.groups = nn.Parameter(torch.randn(len(cutoffs), features) * features**-0.5)
        self.group_bias = nn.Parameter(torch.zeros(len(cutoffs)))

    def choices(self, dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
        """Weights and biases of the first choice, and of that inside each group.

        Where no gradient is wanted, the table is cast to the products' type once for many calls.
        """
        table = self.weight if torch.is_grad_enabled() else cast(self.weight, dtype)
        weights, biases = torch.split(table, self.sizes), torch.split(self.bias, self.sizes)
        first = torch.cat([weights[0], self.groups]), torch.cat([biases[0], self.group_bias])
        return [first, *zip(weights[1:], biases[1:], strict=True)]

    def forward(self, features: Tensor) -> Tensor:
        """(..., width) -> log-probabilities (..., vocabulary)."""
        features = self.bottleneck(features)
        first, *inside = (
            log_softmax(linear(features, weight, bias))
            for weight, bias in self.choices(product_dtype(features, self.weight))
        )
        frequent, groups = torch.split(first, [self.sizes[0], len(inside)], dim=-1)
        chosen = [groups[..., i : i + 1] + chances for i, chances in enumerate(inside)]
        return torch.cat([frequent, *chosen], dim=-1)

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """The summed cross-entropy, in nats. Its shapes depend on how many targets are rare."""
        features = self.bottleneck(features)
        first, *inside = self.choices(product_dtype(features, self.weight))
        bounds = torch.tensor(self.cutoffs, device=targets.device)
        group = torch.bucketize(targets, bounds, right=True)  # 0: frequent
        entry = torch.where(group == 0, targets, self.sizes[0] + group - 1)
        total = cross_entropy(features, entry, *first)
        for number, choice in enumerate(inside, 1):
            rows = (group == number).nonzero().squeeze(1)
            within = targets[rows] - self.cutoffs[number - 1]
            total = total + cross_entropy(features.index_select(0, rows), within, *choice)
        return total
