"""The adaptive softmax output layer."""

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

    A first softmax ranges over the frequent ids and one entry for each group of rarer ones; each
    group has a second softmax over its ids:

        p(id) = p(first choice = id)   or   p(first choice = group) · p(id | group)

    A frequent target needs only a short row of logits. The paper also reduces the features of rare
    groups; here all ids have features of the same size, so that the table can be tied.

    Args:
        input_size: features of one input.
        vocab_size: number of ids, which are sorted by decreasing frequency.
        cutoffs: the first id of each group.
        tied_embedding: as in `OutputLayer`.

    Raises:
        ValueError: the cutoffs do not rise, or leave a group empty.
    """

    def __init__(
        self,
        input_size: int,
        vocab_size: int,
        *,
        cutoffs: Sequence[int],
        tied_embedding: nn.Embedding | None = None,
    ) -> None:
        super().__init__(input_size, vocab_size, tied_embedding=tied_embedding)
        bounds = [0, *cutoffs, vocab_size]
        if not cutoffs or any(after <= before for before, after in pairwise(bounds)):
            raise ValueError(
                f"cutoffs must rise between 0 and the vocabulary of {vocab_size}, "
                f"were: {[*cutoffs]}"
            )
        self.cutoffs = [*cutoffs]
        self.sizes = [after - before for before, after in pairwise(bounds)]
        features = self.weight.shape[1]
        self.groups = nn.Parameter(torch.randn(len(cutoffs), features) * features**-0.5)
        self.group_bias = nn.Parameter(torch.zeros(len(cutoffs)))

    def softmax_parameters(self, dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
        """Weight and bias of the first softmax, and of the softmax of each group.

        Without gradients the table is cast to `dtype`, and the cast is cached.
        """
        table = self.weight if torch.is_grad_enabled() else cast(self.weight, dtype)
        weights, biases = torch.split(table, self.sizes), torch.split(self.bias, self.sizes)
        first = torch.cat([weights[0], self.groups]), torch.cat([biases[0], self.group_bias])
        return [first, *zip(weights[1:], biases[1:], strict=True)]

    def forward(self, features: Tensor) -> Tensor:
        """(..., input_size) -> log-probabilities (..., vocabulary)."""
        features = self.bottleneck(features)
        first, *within_groups = (
            log_softmax(linear(features, weight, bias))
            for weight, bias in self.softmax_parameters(product_dtype(features, self.weight))
        )
        frequent, groups = torch.split(first, [self.sizes[0], len(within_groups)], dim=-1)
        rare = [groups[..., i : i + 1] + log_probs for i, log_probs in enumerate(within_groups)]
        return torch.cat([frequent, *rare], dim=-1)

    def loss(self, features: Tensor, targets: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
        """The summed cross-entropy, in nats. Shapes depend on the number of rare targets.

        Raises:
            ValueError: label smoothing, which needs a plain softmax.
        """
        if label_smoothing:
            raise ValueError(f"label smoothing needs a plain softmax, was: {label_smoothing}")
        features = self.bottleneck(features)
        first, *group_parameters = self.softmax_parameters(product_dtype(features, self.weight))
        bounds = torch.tensor(self.cutoffs, device=targets.device)
        group = torch.bucketize(targets, bounds, right=True)  # 0: frequent
        entry = torch.where(group == 0, targets, self.sizes[0] + group - 1)
        total = cross_entropy(features, entry, *first)
        for index, parameters in enumerate(group_parameters, 1):
            rows = (group == index).nonzero().squeeze(1)
            group_targets = targets[rows] - self.cutoffs[index - 1]
            group_features = features.index_select(0, rows)
            total = total + cross_entropy(group_features, group_targets, *parameters)
        return total
