"""Long short-term memory."""

from __future__ import annotations

from torch import Tensor

from seqlstm.recurrent.cells.base import AdditiveCell, GatedCell
from seqlstm.recurrent.state import State


class LSTM(GatedCell, AdditiveCell):
    """Long short-term memory with a forget gate (Gers, Schmidhuber & Cummins, 2000).

        i, f, o = σ(W x_t + R h_{t-1} + b)        g = tanh(W x_t + R h_{t-1} + b)
        c_t = f ∘ c_{t-1} + i ∘ g                 h_t = o ∘ tanh(c_t)

    Args:
        input_size: features of one input.
        hidden_size: features of one output, and of the memory c.
        forget_bias: initial bias of the forget gate; 1 keeps most of the memory at first
            (Gers, Schmidhuber & Cummins, 2000; Jozefowicz, Zaremba & Sutskever, 2015).
    """

    paper = "Gers, Schmidhuber & Cummins"
    year = 2000
    state_names = ("h", "c")
    gates = ("input", "forget", "candidate", "output")

    def __init__(self, input_size: int, hidden_size: int, *, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.gate(self.bias, "forget").fill_(forget_bias)

    def update(
        self, sums: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        i, f, g, o = sums.chunk(4, dim=-1)
        _, c = state
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, (h, c)
