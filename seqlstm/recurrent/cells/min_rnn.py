"""The minimal recurrent units: their gates read only the input, so they are linear in the state."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from seqlstm.nn.linear import linear
from seqlstm.recurrent.cells.base import LinearCell
from seqlstm.recurrent.state import State


class MinimalRNN(LinearCell):
    """Base of the minimal units: a matrix W and a bias b.

    Their rows are those of the gates, in the order of `gates`; the candidate is the last one.
    W is initialized after Glorot & Bengio (2010), b is zero.
    """

    paper = "Feng et al."
    year = 2024
    gates: ClassVar[tuple[str, ...]]

    def __init__(self, input_size: int, hidden_size: int, *, positive: bool = False) -> None:
        super().__init__(input_size, hidden_size)
        self.positive = positive
        self.input = nn.Parameter(torch.empty(len(self.gates) * hidden_size, input_size))
        self.bias = nn.Parameter(torch.zeros(len(self.gates) * hidden_size))
        for rows in self.input.detach().chunk(len(self.gates)):
            nn.init.xavier_uniform_(rows)

    def initial_state(self, batch: int) -> State:
        """Zeros, in the type and on the device of the parameters."""
        return (self.bias.new_zeros(batch, self.hidden_size),)

    def project(self, inputs: Tensor) -> Tensor:
        return linear(inputs, self.input, self.bias)

    def split(self, projected: Tensor) -> tuple[Tensor, ...]:
        """The projected inputs gate by gate, in the type of the state."""
        return projected.to(self.bias.dtype).chunk(len(self.gates), dim=-1)

    def candidate(self, preactivation: Tensor) -> Tensor:
        """h̃; with `positive`, g(h̃)."""
        if not self.positive:
            return preactivation
        return torch.where(preactivation >= 0, preactivation + 0.5, preactivation.sigmoid())


class MinGRU(MinimalRNN):
    """minGRU, a gated recurrent unit for parallel scans (Feng et al., 2024).

        z = σ(W_z x_t + b_z)        h̃ = W_h x_t + b_h
        h_t = (1 − z) ∘ h_{t-1} + z ∘ h̃

    Args:
        input_size: features of one input.
        hidden_size: features of one output.
        positive: g(h̃) instead of h̃, as in the paper's log-space form: g(x) = x + 0.5 for x ≥ 0,
            else σ(x).
    """

    gates = ("update", "candidate")

    def __init__(self, input_size: int, hidden_size: int, *, positive: bool = False) -> None:
        super().__init__(input_size, hidden_size, positive=positive)

    def coefficients(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        z, h = self.split(projected)
        return (-z).sigmoid(), z.sigmoid() * self.candidate(h)


class MinLSTM(MinimalRNN):
    """minLSTM, a long short-term memory for parallel scans (Feng et al., 2024).

        f, i = σ(W x_t + b)         h̃ = W_h x_t + b_h
        f' = f / (f + i)            i' = i / (f + i)
        h_t = f' ∘ h_{t-1} + i' ∘ h̃

    Args:
        input_size: features of one input.
        hidden_size: features of one output.
        positive: g(h̃) instead of h̃, as in the paper's log-space form: g(x) = x + 0.5 for x ≥ 0,
            else σ(x).
        forget_bias: initial bias of the forget gate.
    """

    gates = ("forget", "input", "candidate")

    def __init__(
        self, input_size: int, hidden_size: int, *, positive: bool = False, forget_bias: float = 1.0
    ) -> None:
        super().__init__(input_size, hidden_size, positive=positive)
        self.bias.detach()[:hidden_size] = forget_bias

    def coefficients(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        f, i, h = self.split(projected)
        # f / (f + i) = σ(log f − log i), which is exact also where both gates underflow.
        log_ratio = nn.functional.logsigmoid(f) - nn.functional.logsigmoid(i)
        return log_ratio.sigmoid(), (-log_ratio).sigmoid() * self.candidate(h)
