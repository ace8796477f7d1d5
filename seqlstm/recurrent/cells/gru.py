"""The gated recurrent unit (GRU), in its two forms."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from seqlstm.nn.linear import linear
from seqlstm.recurrent.cells.base import ElementwiseCell, GatedCell
from seqlstm.recurrent.state import State


class ResetAfterGRU(GatedCell, ElementwiseCell):
    """The gated recurrent unit (Cho et al., 2014) of cuDNN: the reset gate acts after the product.

        r, z = σ(W x_t + R h_{t-1} + b)
        n = tanh(W_n x_t + b_n + r ∘ (R_n h_{t-1} + b_Rn))
        h_t = (1 − z) ∘ n + z ∘ h_{t-1}

    Args:
        input_size: features of one input.
        hidden_size: features of one output.
    """

    paper = "Cho et al."
    year = 2014
    state_names = ("h",)
    gates = ("reset", "update", "candidate")

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.recurrent_bias = nn.Parameter(torch.zeros(hidden_size))

    def elementwise_parameters(self) -> tuple[Tensor, ...]:
        return (self.recurrent_bias,)

    def equations(
        self, projected: Tensor, product: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        (h,), (bias,) = state, parameters
        r, z, n = projected.chunk(3, dim=-1)
        R_r, R_z, R_n = product.chunk(3, dim=-1)
        r, z = (r + R_r).sigmoid(), (z + R_z).sigmoid()
        n = (n + r * (R_n + bias)).tanh()
        h = (1 - z) * n + z * h
        return h, (h,)


class ResetBeforeGRU(GatedCell):
    """The gated recurrent unit (Cho et al., 2014) as published: reset before the product.

        r, z = σ(W x_t + R h_{t-1} + b)
        n = tanh(W_n x_t + R_n (r ∘ h_{t-1}) + b_n)
        h_t = (1 − z) ∘ n + z ∘ h_{t-1}

    Args:
        input_size: features of one input.
        hidden_size: features of one output.
    """

    paper = "Cho et al."
    year = 2014
    state_names = ("h",)
    gates = ("reset", "update", "candidate")
    loop_only_reason = "the candidate's product depends on the reset gate"

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        (h,) = state
        gates, n = projected.to(h.dtype).tensor_split([2 * self.hidden_size], dim=-1)
        R, R_n = self.recurrent.tensor_split([2 * self.hidden_size])
        r, z = (gates + linear(h, R)).sigmoid().chunk(2, dim=-1)
        n = (n + linear(r * h, R_n)).tanh()
        h = (1 - z) * n + z * h
        return h, (h,)


def gru(
    input_size: int, hidden_size: int, *, reset: Literal["after", "before"] = "after"
) -> ResetAfterGRU | ResetBeforeGRU:
    """The gated recurrent unit; the reset gate acts "after" the product, or "before", as published.

    The two forms compute different functions and have different parameters.

    Raises:
        ValueError: an unknown option.
    """
    if reset not in ("after", "before"):
        raise ValueError(f'reset must be "after" or "before", was: {reset!r}')
    return (ResetAfterGRU if reset == "after" else ResetBeforeGRU)(input_size, hidden_size)
