"""The seam of objectives: what the training loop knows of a loss."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from seqlstm.models.batch import Batch
from seqlstm.recurrent.state import State


class Objective(Protocol):
    """A loss that is summed over tokens, so that batches and processes can be added up.

    The training loop divides the sum by the tokens of all batches of a step.
    """

    def __call__(
        self, model: Any, batch: Batch, state: State | None
    ) -> tuple[Tensor, int, State | None]:
        """The summed loss of a batch.

        Args:
            model: called as `model(batch, state)`; has an output layer.
            batch: of ids, on the model's device.
            state: that the batch continues; None for the initial state.

        Returns:
            The sum, a scalar; the number of tokens that it sums over; and the state after the
            batch, None for a model that carries none.
        """
