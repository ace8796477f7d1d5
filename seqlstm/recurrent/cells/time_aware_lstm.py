"""Long short-term memory for inputs at irregular times."""

from __future__ import annotations

from math import e
from typing import Literal

import torch
from torch import Tensor, nn

from seqlstm.recurrent.cells.base import ElementwiseCell, GatedCell
from seqlstm.recurrent.state import State


class TimeAwareLSTM(GatedCell, ElementwiseCell):
    """Time-aware long short-term memory, T-LSTM (Baytas et al., 2017).

        c^S = tanh(W_d c_{t-1} + b_d)             c* = (c_{t-1} − c^S) + c^S ∘ g(Δ_t)
        i, f, o = σ(W x_t + R h_{t-1} + b)        g = tanh(W x_t + R h_{t-1} + b)
        c_t = f ∘ c* + i ∘ g                      h_t = o ∘ tanh(c_t)

    The last feature of an input is Δ_t, the time since the previous input; values below 1 count as
    1. Only the decay g reads it: the short-term memory c^S is multiplied by g(Δ) = 1/log(e + Δ), or
    1/Δ; the rest of the memory does not decay. (At Δ = 1, 1/log(e + Δ) is already about 3/4.)

    The cell belongs in the lowest layer of a stack, not in reverse: other layers have no Δ_t.

    Args:
        input_size: features of one input, including Δ_t.
        hidden_size: features of one output, and of the memory c.
        decay: "log" for 1/log(e + Δ), the paper's choice for long times; "inverse" for 1/Δ, its
            choice for short ones.
        forget_bias: initial bias of the forget gate.

    Raises:
        ValueError: fewer than two features, or an unknown decay.
    """

    paper = "Baytas et al."
    year = 2017
    state_names = ("h", "c")
    gates = ("input", "forget", "candidate", "output")
    operand_parts = (0, 1)
    required_input = "the time since the previous input, which a text does not contain"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        decay: Literal["log", "inverse"] = "log",
        forget_bias: float = 1.0,
    ) -> None:
        if input_size < 2:
            raise ValueError(
                f"input_size must be 2 or more (the last is the time), was: {input_size}"
            )
        if decay not in ("log", "inverse"):
            raise ValueError(f'decay must be "log" or "inverse", was: {decay!r}')
        super().__init__(input_size - 1, hidden_size)
        self.input_size = input_size
        self.decay = decay
        self.decomposition = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.decomposition_bias = nn.Parameter(torch.zeros(hidden_size))
        nn.init.orthogonal_(self.decomposition)
        self.gate(self.bias, "forget").fill_(forget_bias)

    def project(self, inputs: Tensor) -> Tensor:
        """(time, batch, input_size) -> (time, batch, 5·hidden): gates, and g(Δ) for each unit."""
        features, elapsed = inputs.tensor_split([self.input_size - 1], dim=-1)
        factor = self.decay_factor(elapsed.clamp(min=1.0))
        factor = factor.expand(*elapsed.shape[:-1], self.hidden_size)
        return torch.cat([super().project(features), factor], dim=-1)

    def decay_factor(self, elapsed: Tensor) -> Tensor:
        """g(Δ), the factor of the short-term memory after a time Δ of at least 1."""
        return 1 / (e + elapsed).log() if self.decay == "log" else 1 / elapsed

    def recurrent_matrix(self) -> Tensor:
        """(5·hidden, 2·hidden): block-diagonal, R reads h and W_d reads c."""
        matrix: Tensor = torch.block_diag(self.recurrent, self.decomposition)  # type: ignore[no-untyped-call]
        return matrix

    def elementwise_parameters(self) -> tuple[Tensor, ...]:
        return (self.decomposition_bias,)

    def equations(
        self, projected: Tensor, product: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        (_, c), (bias,) = state, parameters
        gates, factor = projected.tensor_split([4 * self.hidden_size], dim=-1)
        recurrent_gates, short_term = product.tensor_split([4 * self.hidden_size], dim=-1)
        short_term = (short_term + bias).tanh()
        c = (c - short_term) + short_term * factor
        i, f, g, o = (gates + recurrent_gates).chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, (h, c)
