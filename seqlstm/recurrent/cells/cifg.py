"""Long short-term memory with coupled input and forget gates (CIFG)."""

from __future__ import annotations

from torch import Tensor

from seqlstm.recurrent.cells.base import AdditiveCell, GatedCell
from seqlstm.recurrent.state import State


class CIFG(GatedCell, AdditiveCell):
    """Long short-term memory with coupled input and forget gates (Greff et al., 2015).

        f, o = σ(W x_t + R h_{t-1} + b)           g = tanh(W x_t + R h_{t-1} + b)
        c_t = f ∘ c_{t-1} + (1 − f) ∘ g           h_t = o ∘ tanh(c_t)

    The paper's CIFG has peepholes, and its gates are i and 1 − i (`odyssey`, variant "CIFG"). This
    cell is `lstm` with a quarter fewer weights.

    Args:
        input_size: features of one input.
        hidden_size: features of one output, and of the memory c.
        forget_bias: initial bias of the forget gate.
    """

    paper = "Greff et al."
    year = 2015
    state_names = ("h", "c")
    gates = ("forget", "candidate", "output")

    def __init__(self, input_size: int, hidden_size: int, *, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.gate(self.bias, "forget").fill_(forget_bias)

    def update(
        self, sums: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        f, g, o = sums.chunk(3, dim=-1)
        _, c = state
        f = f.sigmoid()
        c = f * c + (1 - f) * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, (h, c)
