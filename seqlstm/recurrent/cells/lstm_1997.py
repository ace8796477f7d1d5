"""The original long short-term memory, without a forget gate."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from seqlstm.recurrent.cells.base import AdditiveCell, GatedCell
from seqlstm.recurrent.state import State


class LSTM1997(GatedCell, AdditiveCell):
    """The original long short-term memory, without a forget gate (Hochreiter & Schmidhuber, 1997).

        i, o = σ(W x_t + R h_{t-1} + b)           g = tanh(W x_t + R h_{t-1} + b)
        c_t = c_{t-1} + i ∘ g                     h_t = o ∘ tanh(c_t)

    The paper has 4σ(x) − 2 instead of the first tanh, and 2σ(x) − 1 instead of the second. It also
    truncates the gradients at the gates; here they are complete.

    Args:
        input_size: features of one input.
        hidden_size: features of one output, and of the memory c.
        squash: "tanh", or "1997" for the two functions of the paper.

    Raises:
        ValueError: an unknown option.
    """

    paper = "Hochreiter & Schmidhuber"
    year = 1997
    state_names = ("h", "c")
    gates = ("input", "candidate", "output")

    def __init__(
        self, input_size: int, hidden_size: int, *, squash: Literal["tanh", "1997"] = "tanh"
    ) -> None:
        super().__init__(input_size, hidden_size)
        if squash not in ("tanh", "1997"):
            raise ValueError(f'squash must be "tanh" or "1997", was: {squash!r}')
        self.published = squash == "1997"

    def update(
        self, sums: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        i, g, o = sums.chunk(3, dim=-1)
        _, c = state
        g = 4 * g.sigmoid() - 2 if self.published else g.tanh()
        c = c + i.sigmoid() * g
        h = o.sigmoid() * (2 * c.sigmoid() - 1 if self.published else c.tanh())
        return h, (h, c)
