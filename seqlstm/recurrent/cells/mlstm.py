"""mLSTM, the matrix memory of xLSTM."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqlstm.nn.linear import linear
from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.cells.exponential_gating import (
    Forget,
    check_options,
    initial_forget_biases,
    interpolation_factors,
    log_forget,
    stabilize,
)
from seqlstm.recurrent.state import State

MAX_EXPONENT = 80.0  # of exp(−m), which would overflow in float32 soon after


@dataclass(frozen=True)
class Entries:
    """Queries, keys and values, each (..., heads, units), and gates, (..., heads).

    Attributes:
        q: the queries.
        k: the keys, already divided by √units.
        v: the values.
        i: ĩ, the exponent of the input gate.
        log_f: log f, the logarithm of the forget gate.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    i: Tensor
    log_f: Tensor


class MatrixMemory(Cell):
    """Base of mLSTM cells: the recurrence, from q, k, v, ĩ and f̃, which depend on the input only.

    A subclass defines `project`, which returns these concatenated, in this order; other features
    may follow.

    Args:
        input_size: features of one input.
        hidden_size: features of one output, divided among the heads.
        heads: number of memories; it must divide `hidden_size`.
        forget: the forget gate, "sigmoid" or "exponential".

    Raises:
        ValueError: heads that do not divide `hidden_size`, or an unknown forget gate.
    """

    paper = "Beck et al."
    year = 2024
    state_names = ("C", "n", "m")
    bias: nn.Parameter

    def __init__(
        self, input_size: int, hidden_size: int, *, heads: int = 1, forget: Forget = "sigmoid"
    ) -> None:
        super().__init__(input_size, hidden_size)
        check_options(hidden_size=hidden_size, heads=heads, forget=forget)
        self.heads = heads
        self.forget = forget

    def initial_state(self, batch: int) -> State:
        """Zeros, and −∞ for m, in the type and on the device of the parameters."""
        units = self.hidden_size // self.heads
        C = self.bias.new_zeros(batch, self.heads, units, units)  # (batch, heads, value, key)
        return C, C[..., 0], torch.full_like(C[..., 0, 0], -torch.inf)

    def entries(self, projected: Tensor) -> Entries:
        """The projected inputs by name, in the type of the state."""
        sizes = [self.hidden_size] * 3 + [self.heads] * 2
        columns = projected[..., : sum(sizes)].to(self.bias.dtype)
        q, k, v, i, f = torch.split(columns, sizes, dim=-1)
        q, k, v = (torch.unflatten(part, -1, (self.heads, -1)) for part in (q, k, v))
        return Entries(q, k / k.shape[-1] ** 0.5, v, i, log_forget(f, self.forget))

    def output(self, projected: Tensor, retrieved: Tensor) -> Tensor:
        """The output, from the values that the heads retrieved, (..., heads, units)."""
        return retrieved.flatten(-2)

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        entries = self.entries(projected)
        C, n, m = state
        m, f, i = stabilize(entries.log_f + m, entries.i)
        f, i = f.unsqueeze(-1), i.unsqueeze(-1)
        C = f.unsqueeze(-1) * C + (i * entries.v).unsqueeze(-1) * entries.k.unsqueeze(-2)
        n = f * n + i * entries.k
        # Element-wise products and sums: autocast would round matrix products.
        numerator = (C * entries.q.unsqueeze(-2)).sum(-1)
        retrieved = retrieve(numerator, (n * entries.q).sum(-1), m)
        return self.output(projected, retrieved), (C, n, m)

    def interpolate(self, weight: State, new: State, old: State) -> State:
        """C and n are scaled by m: they are added with one m, head by head."""
        (C, n, m), (C_old, n_old, m_old) = new, old
        m, new_factor, old_factor = interpolation_factors(weight[-1], m, m_old)
        new_factor, old_factor = new_factor.unsqueeze(-1), old_factor.unsqueeze(-1)
        n = new_factor * n + old_factor * n_old
        C = new_factor.unsqueeze(-1) * C + old_factor.unsqueeze(-1) * C_old
        return C, n, m


def retrieve(numerator: Tensor, norm: Tensor, m: Tensor) -> Tensor:
    """C q / max(|nᵀ q|, exp(−m)).

    exp(−m) would overflow where m is very negative, so it is bounded; the result is near 0.

    Args:
        numerator: C q, (..., units).
        norm: nᵀ q, (...).
        m: the stabilizer, (...).
    """
    lower_bound = (-m).clamp(max=MAX_EXPONENT).exp()
    return numerator / torch.maximum(norm.abs(), lower_bound).unsqueeze(-1)


class MLSTM(MatrixMemory):
    """mLSTM, a memory of keys and values in a matrix (xLSTM: Beck et al., 2024).

        q, k, v = W x_t + b, k divided by √units       o = σ(W_o x_t + b_o)
        ĩ, f̃ = W x_t + b, one for each head            f = σ(f̃), or exp(f̃)
        m_t = max(log f + m_{t-1}, ĩ)                  m_0 = −∞
        i' = exp(ĩ − m_t)                              f' = exp(log f + m_{t-1} − m_t)
        C_t = f' C_{t-1} + i' v kᵀ                     n_t = f' n_{t-1} + i' k
        h_t = o ∘ C_t q / max(|n_tᵀ q|, exp(−m_t))

    The rows of W are those of q, k, v, ĩ, f̃ and o, in this order. The rows of ĩ and f̃ start at
    zero, the bias of ĩ at −1; f starts at σ of 3 to 6 over the heads.

    Args:
        input_size: features of one input.
        hidden_size: features of one output, divided among the heads.
        heads: number of memories; it must divide `hidden_size`.
        forget: the forget gate, "sigmoid" or "exponential".

    Raises:
        ValueError: heads that do not divide `hidden_size`, or an unknown forget gate.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, heads: int = 1, forget: Forget = "sigmoid"
    ) -> None:
        super().__init__(input_size, hidden_size, heads=heads, forget=forget)
        self.input = nn.Parameter(torch.zeros(4 * hidden_size + 2 * heads, input_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size + 2 * heads))
        q, k, v, _, o = torch.split(
            self.input.detach(), [hidden_size] * 3 + [2 * heads, hidden_size]
        )
        for rows in (q, k, v, o):
            nn.init.xavier_uniform_(rows)
        init_gate_biases(self.bias.detach()[3 * hidden_size : 3 * hidden_size + 2 * heads], forget)

    def project(self, inputs: Tensor) -> Tensor:
        return linear(inputs, self.input, self.bias)

    def output(self, projected: Tensor, retrieved: Tensor) -> Tensor:
        o = projected[..., -self.hidden_size :].to(retrieved.dtype)
        return o.sigmoid() * super().output(projected, retrieved)


def init_gate_biases(bias: Tensor, forget: Forget) -> None:
    """Initialize the biases of the input and forget gates, (2 · heads,)."""
    i, f = bias.detach().chunk(2)
    i.fill_(-1.0)
    f.copy_(initial_forget_biases(len(f), forget))
