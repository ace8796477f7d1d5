"""The interface of backends: ways to run a cell over time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from seqlstm.errors import UserError
from seqlstm.recurrent.cells.base import Cell, ElementwiseCell
from seqlstm.recurrent.reverse import reverse
from seqlstm.recurrent.state import State


@dataclass(frozen=True)
class Call:
    """The properties of a call on which the choice of a backend depends.

    Attributes:
        lengths: rows end at different steps.
        resets: rows may be reset between steps.
        return_state: the state after the last real step is returned.
        single_step: there is only one step.
    """

    lengths: bool = False
    resets: bool = False
    return_state: bool = True
    single_step: bool = False


class BackendError(UserError):
    """A backend that turns out to be unable to run a cell; from then on it does not support it."""

    title = "Backend"


class Backend(ABC):
    """A way to run a cell over (time, batch, input_size) with the cell's own parameters.

    Every backend agrees with `loop` in outputs, last state and all gradients. Only `loop` supports
    derivatives of higher order and torch.func.
    """

    name: ClassVar[str]

    @abstractmethod
    def unsupported_reason(self, cell: Cell, call: Call) -> str | None:
        """Why this backend cannot run the cell for such a call; None where it can."""

    def not_preferred_reason(self, cell: Cell, call: Call, *, device: str) -> str | None:
        """Why "auto" skips a backend that could run the cell: it was measured to be slower."""
        return None

    @abstractmethod
    def run(
        self,
        cell: Cell,
        inputs: Tensor,
        state: State,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Outputs (time, batch, hidden), and the state after each row's last real step.

        Under autocast the outputs may have its type; the state keeps the type of the parameters.

        Args:
            cell: whose equations and parameters are used.
            inputs: (time, batch, input_size).
            state: before the first step.
            lengths: real steps of each row, (batch,); all when None.
            resets: true where a row starts from the initial state, (time, batch).

        Raises:
            BackendError: nothing was computed; another backend has to run the cell.
        """

    def run_reverse(
        self,
        cell: Cell,
        inputs: Tensor,
        state: State,
        *,
        lengths: Tensor | None,
        return_state: bool,
    ) -> tuple[Tensor, State]:
        """As `run`, from each row's last real step to its first; output t belongs to input t.

        Args:
            cell, inputs, state, lengths: as in `run`.
            return_state: whether the caller uses the last state; if not, it is undefined.

        Raises:
            BackendError: as in `run`.
        """
        # Lengths change the last state only: outputs at padding are undefined.
        needed = lengths if return_state else None
        outputs, state = self.run(cell, reverse(inputs, lengths), state, lengths=needed)
        return reverse(outputs, lengths), state


def not_elementwise(cell: Cell) -> str | None:
    """Why a backend for element-wise cells cannot run this cell; None where it can."""
    name = type(cell).__name__
    if not isinstance(cell, ElementwiseCell):
        return cell.loop_only_reason or f"{name} is not element-wise"
    kind = type(cell)
    if kind.step is not ElementwiseCell.step or kind.operand is not ElementwiseCell.operand:
        return f"{name} has a step of its own"
    return None
