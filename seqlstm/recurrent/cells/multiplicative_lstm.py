"""Multiplicative long short-term memory."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from seqlstm.nn.linear import linear
from seqlstm.recurrent.cells.base import GatedCell
from seqlstm.recurrent.state import State


class MultiplicativeLSTM(GatedCell):
    """Multiplicative long short-term memory (Krause et al., 2016), called "mLSTM" there.

        m_t = (W_m x_t) ∘ (R_m h_{t-1})
        i, f, o = σ(W x_t + R m_t + b)            g = tanh(W x_t + R m_t + b)
        c_t = f ∘ c_{t-1} + i ∘ g                 h_t = o ∘ tanh(c_t)

    So the transition from h_{t-1} to h_t depends on the input.

    In the paper the output gate is inside, h_t = tanh(c_t ∘ o); most implementations keep the
    output of the LSTM, which is the default here. It is not clear whether the paper has the tanh of
    g; here it is always there.

    Args:
        input_size: features of one input.
        hidden_size: features of one output, of m, and of the memory c.
        output: "standard", o ∘ tanh(c), or "paper", tanh(c ∘ o).
        forget_bias: initial bias of the forget gate.

    Raises:
        ValueError: an unknown output.
    """

    paper = "Krause et al."
    year = 2016
    state_names = ("h", "c")
    gates = ("input", "forget", "candidate", "output")
    loop_only_reason = "the gates' product reads m, which is another product with the last output"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        output: Literal["standard", "paper"] = "standard",
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        if output not in ("standard", "paper"):
            raise ValueError(f'output must be "standard" or "paper", was: {output!r}')
        self.output = output
        self.from_input = nn.Parameter(torch.empty(hidden_size, input_size))  # W_m
        self.from_state = nn.Parameter(torch.empty(hidden_size, hidden_size))  # R_m
        nn.init.xavier_uniform_(self.from_input)
        nn.init.orthogonal_(self.from_state)
        self.gate(self.bias, "forget").fill_(forget_bias)

    def project(self, inputs: Tensor) -> Tensor:
        """W x + b and, after it, W_m x: (time, batch, 5 · hidden)."""
        weights = torch.cat([self.input, self.from_input])
        bias = torch.cat([self.bias, self.bias.new_zeros(self.hidden_size)])
        return linear(inputs, weights, bias)

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        gates, m = projected.to(c.dtype).tensor_split([4 * self.hidden_size], dim=-1)
        m = m * linear(h, self.from_state)
        i, f, g, o = (gates + linear(m, self.recurrent)).chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        o = o.sigmoid()
        h = o * c.tanh() if self.output == "standard" else (c * o).tanh()
        return h, (h, c)
