"""The gated recurrent unit."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from seqlstm.recurrent.cell import GatedCell
from seqlstm.recurrent.state import State


class GRU(GatedCell):
    """The gated recurrent unit (Cho et al., 2014).

        r, z = σ(W x_t + R h_{t-1} + b)
        after:   n = tanh(W_n x_t + b_n + r ∘ (R_n h_{t-1} + b_Rn))
        before:  n = tanh(W_n x_t + R_n (r ∘ h_{t-1}) + b_n)
        h_t = (1 − z) ∘ n + z ∘ h_{t-1}

    Args:
        width: features of one input.
        hidden: features of one output.
        reset: "before", as published: the reset gate chooses what the product R_n reads; or
            "after", as in cuDNN: it scales the product. Two functions, with different parameters.
    """

    gates = ("reset", "update", "candidate")

    def __init__(
        self, width: int, hidden: int, *, reset: Literal["after", "before"] = "after"
    ) -> None:
        super().__init__(width, hidden)
        if reset not in ("after", "before"):
            raise ValueError(f'reset must be "after" or "before", was: {reset!r}')
        self.reset = reset
        if reset == "after":
            self.recurrent_bias = nn.Parameter(torch.zeros(hidden))

    def initial_state(self, batch: int) -> State:
        return (self.zeros(batch),)

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        (h,) = state
        z, n = self.after(projected, h) if self.reset == "after" else self.before(projected, h)
        h = (1 - z) * n.tanh() + z * h
        return h, (h,)

    def after(self, projected: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The update gate, and the candidate before its tanh: one product serves all."""
        r, z, n = projected.chunk(3, dim=-1)
        from_r, from_z, from_n = nn.functional.linear(h, self.recurrent).chunk(3, dim=-1)
        r = (r + from_r).sigmoid()
        return (z + from_z).sigmoid(), n + r * (from_n + self.recurrent_bias)

    def before(self, projected: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The same, as published: the candidate's product must wait for the reset gate."""
        gates, n = projected.tensor_split([2 * self.hidden], dim=-1)
        R, R_n = self.recurrent.tensor_split([2 * self.hidden])
        r, z = (gates + nn.functional.linear(h, R)).sigmoid().chunk(2, dim=-1)
        return z, n + nn.functional.linear(r * h, R_n)
