"""sLSTM, the scalar memory of xLSTM."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqlstm.recurrent.cells.base import AdditiveCell, GatedCell
from seqlstm.recurrent.cells.exponential_gating import (
    Forget,
    check_options,
    initial_forget_biases,
    interpolation_factors,
    log_forget,
    stabilize,
)
from seqlstm.recurrent.state import State


class SLSTM(GatedCell, AdditiveCell):
    """sLSTM, the LSTM with exponential gates and a normaliser (xLSTM: Beck et al., 2024).

        z = tanh(W x_t + R h_{t-1} + b)      o = σ(W x_t + R h_{t-1} + b)
        ĩ, f̃ = W x_t + R h_{t-1} + b         f = σ(f̃), or exp(f̃)
        m_t = max(log f + m_{t-1}, ĩ)        m_0 = −∞
        i' = exp(ĩ − m_t)                    f' = exp(log f + m_{t-1} − m_t)
        c_t = f' ∘ c_{t-1} + i' ∘ z          n_t = f' ∘ n_{t-1} + i'
        h_t = o ∘ c_t / n_t

    R is block-diagonal: a unit reads the outputs of its own head only. Each block starts orthogonal
    for each gate. The forget gate starts at σ of 3 to 6 over the units.

    Args:
        input_size: features of one input.
        hidden_size: features of one output, and of the memory c.
        heads: number of blocks of R; it must divide `hidden_size`.
        forget: the forget gate, "sigmoid" or "exponential".

    Raises:
        ValueError: heads that do not divide `hidden_size`, or an unknown forget gate.
    """

    paper = "Beck et al."
    year = 2024
    state_names = ("h", "c", "n", "m")
    gates = ("input", "forget", "candidate", "output")

    def __init__(
        self, input_size: int, hidden_size: int, *, heads: int = 1, forget: Forget = "sigmoid"
    ) -> None:
        super().__init__(input_size, hidden_size)
        check_options(hidden_size=hidden_size, heads=heads, forget=forget)
        self.forget = forget
        units = hidden_size // heads
        self.recurrent = nn.Parameter(torch.empty(heads, 4 * units, units))
        for block in self.recurrent.detach().view(-1, units, units):
            nn.init.orthogonal_(block)
        self.gate(self.bias, "forget").copy_(initial_forget_biases(hidden_size, forget))

    def initial_state(self, batch: int) -> State:
        """Zeros, and −∞ for m, in the type and on the device of the parameters."""
        zeros = self.bias.new_zeros(batch, self.hidden_size)
        return zeros, zeros, zeros, torch.full_like(zeros, -torch.inf)

    def recurrent_matrix(self) -> Tensor:
        return self.recurrent.squeeze(0)  # one head: a dense matrix

    def update(
        self, sums: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        i, f, z, o = sums.chunk(4, dim=-1)
        _, c, n, m = state
        m, f, i = stabilize(log_forget(f, self.forget) + m, i)
        c = f * c + i * z.tanh()
        n = f * n + i
        h = o.sigmoid() * c / n
        return h, (h, c, n, m)

    def interpolate(self, weight: State, new: State, old: State) -> State:
        """c and n are scaled by m: they are added with one m."""
        (h, c, n, m), (h_old, c_old, n_old, m_old) = new, old
        h = torch.lerp(h, h_old, weight[0])
        m, new_factor, old_factor = interpolation_factors(weight[-1], m, m_old)
        return h, new_factor * c + old_factor * c_old, new_factor * n + old_factor * n_old, m
