"""The simple recurrent network."""

from __future__ import annotations

from torch import Tensor

from seqlstm.recurrent.cell import ElementwiseCell
from seqlstm.recurrent.state import State


class Elman(ElementwiseCell):
    """The simple recurrent network (Elman, 1990), whose gradient vanishes: kept for comparison.

    h_t = tanh(W x_t + R h_{t-1} + b)
    """

    gates = ("hidden",)

    def initial_state(self, batch: int) -> State:
        return (self.zeros(batch),)

    def equations(self, projected: Tensor, recurrent: Tensor, state: State) -> tuple[Tensor, State]:
        h = (projected + recurrent).to(state[0].dtype).tanh()
        return h, (h,)
