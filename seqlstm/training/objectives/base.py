"""The interface between the training loop and a loss."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from seqlstm.models.batch import Batch
from seqlstm.recurrent.state import State


class Objective(Protocol):
    """A loss summed over tokens, so that the losses of several batches can be added.

    The training loop divides the sum by the number of tokens of all batches of a step.
    """

    def __call__(
        self, model: Any, batch: Batch, state: State | None
    ) -> tuple[Tensor, int, State | None]:
        """The summed loss of a batch.

        Args:
            model: is called as `model(batch, state)` and has an `output_layer`.
            batch: token ids, on the model's device.
            state: the recurrent state before the batch; None for the initial state.

        Returns:
            The summed loss, a scalar; its number of tokens; and the state after the batch, None
            for a model without a carried state.
        """
