"""The simple recurrent network."""

from __future__ import annotations

from torch import Tensor

from seqlstm.recurrent.cells.base import AdditiveCell, GatedCell
from seqlstm.recurrent.state import State


class Elman(GatedCell, AdditiveCell):
    """The simple recurrent network (Elman, 1990), for comparison: its gradients vanish.

    h_t = tanh(W x_t + R h_{t-1} + b)
    """

    paper = "Elman"
    year = 1990
    state_names = ("h",)
    gates = ("hidden",)

    def update(
        self, sums: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        h = sums.tanh()
        return h, (h,)
