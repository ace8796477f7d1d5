"""The reference: a loop over time steps with autograd. It supports every cell and call."""

from __future__ import annotations

import torch
from torch import Tensor

from seqlstm.recurrent.backends.base import Backend, Call
from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.state import State, where


class LoopBackend(Backend):
    """Calls the cell's `step` at every time step."""

    name = "loop"

    def unsupported_reason(self, cell: Cell, call: Call) -> str | None:
        return None

    def run(
        self,
        cell: Cell,
        inputs: Tensor,
        state: State,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        outputs = []
        initial = None if resets is None else cell.initial_state(inputs.shape[1])
        for time, projected in enumerate(cell.project(inputs)):
            before = state
            if resets is not None and initial is not None:
                before = where(resets[time], initial, state)
            output, after = cell.step(projected, before)
            state = after if lengths is None else where(time < lengths, after, state)
            outputs.append(output)
        return torch.stack(outputs), state
