"""Long short-term memory with layer normalization."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqlstm.nn.linear import linear
from seqlstm.recurrent.cells.base import GatedCell
from seqlstm.recurrent.state import State

EPSILON = 1e-5  # added to the variance


class LayerNormLSTM(GatedCell):
    """Long short-term memory with layer normalization (Ba, Kiros & Hinton, 2016).

        (i, f, g, o) = LN(W x_t; α₁) + LN(R h_{t-1}; α₂) + b
        c_t = σ(f) ∘ c_{t-1} + σ(i) ∘ tanh(g)
        h_t = σ(o) ∘ tanh(LN(c_t; α₃, β₃))

    LN subtracts the mean of a vector, divides by its standard deviation, multiplies by α and adds
    β. The first two normalize all 4 · hidden values together, as in the paper's equations; they
    need no β beside b.

    Args:
        input_size: features of one input.
        hidden_size: features of one output, and of the memory c.
        by_gate: the first two normalize each gate separately, as many implementations do.
        forget_bias: initial bias of the forget gate.
    """

    paper = "Ba, Kiros & Hinton"
    year = 2016
    state_names = ("h", "c")
    gates = ("input", "forget", "candidate", "output")
    loop_only_reason = "layer normalization over all units makes a step not element-wise"

    def __init__(
        self, input_size: int, hidden_size: int, *, by_gate: bool = False, forget_bias: float = 1.0
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.by_gate = by_gate
        self.input_scale = nn.Parameter(torch.ones(4 * hidden_size))  # α₁
        self.recurrent_scale = nn.Parameter(torch.ones(4 * hidden_size))  # α₂
        self.memory_scale = nn.Parameter(torch.ones(hidden_size))  # α₃
        self.memory_bias = nn.Parameter(torch.zeros(hidden_size))  # β₃
        self.gate(self.bias, "forget").fill_(forget_bias)

    def project(self, inputs: Tensor) -> Tensor:
        sums = linear(inputs, self.input).to(self.bias.dtype)
        return torch.addcmul(self.bias, self.normalize(sums), self.input_scale)

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        sums = self.normalize(linear(h, self.recurrent).to(c.dtype))
        i, f, g, o = torch.addcmul(projected, sums, self.recurrent_scale).chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * self.normalize_memory(c).tanh()
        return h, (h, c)

    def normalize(self, sums: Tensor) -> Tensor:
        """Mean 0 and deviation 1 over the last axis, (..., 4 · hidden), or for each gate."""
        size = self.hidden_size if self.by_gate else 4 * self.hidden_size
        groups = sums.view(*sums.shape[:-1], -1, size)
        return nn.functional.layer_norm(groups, (size,), eps=EPSILON).flatten(-2)

    def normalize_memory(self, c: Tensor) -> Tensor:
        return nn.functional.layer_norm(
            c, (self.hidden_size,), self.memory_scale, self.memory_bias, EPSILON
        )
