"""Cross-entropy of the targets, with label smoothing and activation regularization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from seqlstm.models.batch import Batch
from seqlstm.models.regularizers import ActivationRegularizer
from seqlstm.recurrent.state import State


@dataclass(frozen=True)
class CrossEntropy:
    """The summed negative log-likelihood of the targets, in nats.

    Attributes:
        label_smoothing: probability mass spread over the whole vocabulary, in training mode only
            (Szegedy et al., 2016, §7).
        regularizer: AR and TAR of the last layer's outputs, in training mode only (Merity, McCann &
            Socher, 2017). Its gradient is added to that of the loss; its value is not.
    """

    label_smoothing: float = 0.0
    regularizer: ActivationRegularizer | None = None

    def __call__(
        self, model: Any, batch: Batch, state: State | None = None
    ) -> tuple[Tensor, int, State | None]:
        """See `Objective`; `model` is a language model or a translator."""
        output = model(batch, state)
        features, targets = batch.select_targets(output.features)
        smoothing = self.label_smoothing if model.training else 0.0
        loss = model.output_layer.loss(features, targets, label_smoothing=smoothing)
        if self.regularizer is not None and model.training:
            penalty = self.regularizer(output.hidden, output.features, batch)
            loss = add_gradient(penalty, loss)
        return loss, batch.tokens, output.state


def add_gradient(penalty: Tensor, loss: Tensor) -> Tensor:
    """The value of `loss` with the gradient of `loss` + `penalty`."""
    return loss + (penalty - penalty.detach())
