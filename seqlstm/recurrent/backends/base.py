"""The interface of backends: ways to run a cell over time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from seqlstm.recurrent.cells.base import Cell, ElementwiseCell
from seqlstm.recurrent.reverse import reverse
from seqlstm.recurrent.state import State


@dataclass(frozen=True)
class Call:
    """The properties of a call that a backend may refuse.

    Attributes:
        lengths: rows end at different steps.
        resets: rows may be reset inside the span.
        last: the state after the last real step is wanted.
        single: there is only one step.
    """

    lengths: bool = False
    resets: bool = False
    last: bool = True
    single: bool = False


class Backend(ABC):
    """Runs a cell over (time, batch, width), borrowing the cell's own parameters.

    Every backend agrees with `loop` in outputs, last state and all gradients. Derivatives of higher
    order, and torch.func, are for `loop` alone.
    """

    name: ClassVar[str]

    @abstractmethod
    def unsupported_reason(self, cell: Cell, call: Call) -> str | None:
        """Why this backend cannot serve, in words; None when it can."""

    def not_preferred_reason(self, cell: Cell, call: Call, *, device: str) -> str | None:
        """Why "auto" passes over it though it could serve, in words: what was measured."""
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

        Under autocast outputs may have its precision; the state keeps that of the parameters.

        Args:
            cell: whose equations and parameters are used.
            inputs: (time, batch, width).
            state: before the first step.
            lengths: real steps of each row, (batch,); all when None.
            resets: true where a row starts from the initial state, (time, batch).
        """

    def run_back(
        self, cell: Cell, inputs: Tensor, state: State, *, lengths: Tensor | None, last: bool
    ) -> tuple[Tensor, State]:
        """As `run`, from each row's last real step to its first; outputs stand beside their inputs.

        Args:
            cell, inputs, state, lengths: as of `run`.
            last: whether the state after the first real step is wanted; else it means nothing.
        """
        turned, ends = reverse(inputs, lengths), lengths if last else None
        outputs, state = self.run(cell, turned, state, lengths=ends)
        return reverse(outputs, lengths), state


def not_elementwise(cell: Cell) -> str | None:
    """Why a backend for element-wise cells cannot serve this one; None for one of these."""
    name = type(cell).__name__
    if not isinstance(cell, ElementwiseCell):
        return cell.loop_only_reason or f"{name} is not element-wise"
    kind = type(cell)
    if kind.step is not ElementwiseCell.step or kind.read is not ElementwiseCell.read:
        return f"{name} has a step of its own"
    return None
