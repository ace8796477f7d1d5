"""The matrix memory with exponential gates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqlstm.nn.linear import linear
from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.cells.exponential_gating import (
    Forget,
    check_options,
    forget_biases,
    log_forget,
    mixing_weights,
    stabilize,
)
from seqlstm.recurrent.state import State

LARGEST_EXPONENT = 80.0  # of exp(−m): just below what float32 can hold


@dataclass(frozen=True)
class Entries:
    """Queries, keys, values, (..., heads, units) each, and gates, (..., heads).

    Attributes:
        q: the queries.
        k: the keys, already divided by √units.
        v: the values.
        i: ĩ, the input gate's exponent.
        log_f: log f, the forget gate's.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    i: Tensor
    log_f: Tensor


class MatrixMemory(Cell):
    """What `MLSTM` does once q, k, v, ĩ and f̃ are known, which depend on the input alone.

    `project` gives these side by side, in that order, and may give more behind them.

    Args:
        input_size: features of one input.
        hidden_size: features of one output; each head has its share of them.
        heads: memories; they must divide `hidden_size`.
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
        """Zeros, where the parameters are, but −∞ for m."""
        units = self.hidden_size // self.heads
        C = self.bias.new_zeros(batch, self.heads, units, units)  # (batch, heads, value, key)
        return C, C[..., 0], torch.full_like(C[..., 0, 0], -torch.inf)

    def entries(self, projected: Tensor) -> Entries:
        """What `project` gave, by name, in the precision of the state."""
        sizes = [self.hidden_size] * 3 + [self.heads] * 2
        columns = projected[..., : sum(sizes)].to(self.bias.dtype)
        q, k, v, i, f = torch.split(columns, sizes, dim=-1)
        q, k, v = (torch.unflatten(part, -1, (self.heads, -1)) for part in (q, k, v))
        return Entries(q, k / k.shape[-1] ** 0.5, v, i, log_forget(f, self.forget))

    def emit(self, projected: Tensor, retrieved: Tensor) -> Tensor:
        """The output: what the heads retrieved, (..., heads, units), side by side."""
        return retrieved.flatten(-2)

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        now = self.entries(projected)
        C, n, m = state
        m, f, i = stabilize(now.log_f + m, now.i)
        f, i = f.unsqueeze(-1), i.unsqueeze(-1)
        C = f.unsqueeze(-1) * C + (i * now.v).unsqueeze(-1) * now.k.unsqueeze(-2)
        n = f * n + i * now.k
        # Products and sums instead of matrix products, which autocast would round.
        retrieved = retrieve((C * now.q.unsqueeze(-2)).sum(-1), (n * now.q).sum(-1), m)
        return self.emit(projected, retrieved), (C, n, m)

    def mix(self, share: State, new: State, old: State) -> State:
        """C, n and m mean something only together: they are added at one scale, head by head."""
        (C, n, m), (C_old, n_old, m_old) = new, old
        m, of_new, of_old = mixing_weights(share[-1], m, m_old)
        of_new, of_old = of_new.unsqueeze(-1), of_old.unsqueeze(-1)
        n = of_new * n + of_old * n_old
        C = of_new.unsqueeze(-1) * C + of_old.unsqueeze(-1) * C_old
        return C, n, m


def retrieve(found: Tensor, norm: Tensor, m: Tensor) -> Tensor:
    """C q / max(|nᵀ q|, exp(−m)), of `found` (..., units) and `norm` (...).

    A very negative m would overflow: its exponential is bounded, while the output tends to zero.
    """
    least = (-m).clamp(max=LARGEST_EXPONENT).exp()
    return found / torch.maximum(norm.abs(), least).unsqueeze(-1)


class MLSTM(MatrixMemory):
    """mLSTM, a memory of keys and values in a matrix (xLSTM: Beck et al., 2024).

        q, k, v = W x_t + b, k divided by √units       o = σ(W_o x_t + b_o)
        ĩ, f̃ = W x_t + b, one number a head            f = σ(f̃), or exp(f̃)
        m_t = max(log f + m_{t-1}, ĩ)                  m_0 = −∞
        i' = exp(ĩ − m_t)                              f' = exp(log f + m_{t-1} − m_t)
        C_t = f' C_{t-1} + i' v kᵀ                     n_t = f' n_{t-1} + i' k
        h_t = o ∘ C_t q / max(|n_tᵀ q|, exp(−m_t))

    The rows of W are those of q, k, v, ĩ, f̃ and o, in this order. The gates by head start from
    their biases alone: −1 for the input gate, σ of 3 to 6 over the heads for the forget gate.

    Args:
        input_size: features of one input.
        hidden_size: features of one output; each head has its share of them.
        heads: memories; they must divide `hidden_size`.
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
        start_gates(self.bias.detach()[3 * hidden_size : 3 * hidden_size + 2 * heads], forget)

    def project(self, inputs: Tensor) -> Tensor:
        return linear(inputs, self.input, self.bias)

    def emit(self, projected: Tensor, retrieved: Tensor) -> Tensor:
        o = projected[..., -self.hidden_size :].to(retrieved.dtype)
        return o.sigmoid() * super().emit(projected, retrieved)


def start_gates(bias: Tensor, forget: Forget) -> None:
    """Set the biases of the input and forget gates, (2 · heads,), to where they start."""
    i, f = bias.detach().chunk(2)
    i.fill_(-1.0)
    f.copy_(forget_biases(len(f), forget))
