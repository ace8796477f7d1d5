"""Long short-term memory for what happens at uneven times."""

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

    The last feature of an input is Δ_t, the time since the input before it, and nothing else reads
    it; less than 1 counts as 1. The short-term memory c^S fades with it by g(Δ) = 1/log(e + Δ), or
    by 1/Δ; the rest of the memory does not. (1/log(e + Δ) fades by a quarter at Δ = 1 already.)

    So it stands lowest in a stack, and reads forwards: a layer above it, or one that reads the
    other way, has no Δ_t of its own.

    Args:
        input_size: features of one input, Δ_t among them.
        hidden_size: features of one output, and of the memory c.
        decay: "log" for 1/log(e + Δ), which the paper takes for long times; "inverse" for 1/Δ,
            which it takes for short ones.
        forget_bias: where the forget gate's bias starts.

    Raises:
        ValueError: fewer than two features, or another decay.
    """

    paper = "Baytas et al."
    year = 2017
    state_names = ("h", "c")
    gates = ("input", "forget", "candidate", "output")
    operand = (0, 1)
    required_input = "the time that passed before each input, which a text does not contain"

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
        """(time, batch, width) -> (time, batch, 5·hidden): the gates, and g(Δ) once a unit."""
        features, elapsed = inputs.tensor_split([self.input_size - 1], dim=-1)
        faded = self.fade(elapsed.clamp(min=1.0)).expand(*elapsed.shape[:-1], self.hidden_size)
        return torch.cat([super().project(features), faded], dim=-1)

    def fade(self, elapsed: Tensor) -> Tensor:
        """g: what is left of the short-term memory after a time of 1 or more."""
        return 1 / (e + elapsed).log() if self.decay == "log" else 1 / elapsed

    def recurrence(self) -> Tensor:
        """(5·hidden, 2·hidden): R reads h, and below it W_d reads c."""
        matrix: Tensor = torch.block_diag(self.recurrent, self.decomposition)  # type: ignore[no-untyped-call]
        return matrix

    def elementwise(self) -> tuple[Tensor, ...]:
        return (self.decomposition_bias,)

    def equations(
        self, projected: Tensor, recurrent: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        (_, c), (bias,) = state, parameters
        inputs, faded = projected.tensor_split([4 * self.hidden_size], dim=-1)
        outputs, short = recurrent.tensor_split([4 * self.hidden_size], dim=-1)
        short = (short + bias).tanh()
        c = (c - short) + short * faded
        i, f, g, o = (inputs + outputs).chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, (h, c)
