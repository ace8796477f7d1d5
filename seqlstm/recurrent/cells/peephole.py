"""Long short-term memory with peepholes, through which the gates read the memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from seqlstm.recurrent.cells.base import AdditiveCell, ElementwiseCell, GatedCell
from seqlstm.recurrent.state import State

PHI: dict[str, Callable[[Tensor], Tensor]] = {"tanh": torch.tanh, "identity": torch.positive}


class PeepholeLSTM(GatedCell, AdditiveCell):
    """Long short-term memory with peepholes (Gers & Schmidhuber, 2000; with Schraudolph, 2002).

        i, f = σ(W x_t + R h_{t-1} + p ∘ c_{t-1} + b)     g = tanh(W x_t + R h_{t-1} + b)
        c_t = f ∘ c_{t-1} + i ∘ g
        o = σ(W x_t + R h_{t-1} + p ∘ c_t + b)            h_t = o ∘ φ(c_t)

    φ is tanh, or the identity as in the paper of 2000. The peepholes p start at zero (in the papers
    at small random numbers), so a new cell is an LSTM.

    Args:
        input_size: features of one input.
        hidden_size: features of one output, and of the memory c.
        output: φ, "tanh" or "identity".
        forget_bias: initial bias of the forget gate.

    Raises:
        ValueError: an unknown φ.
    """

    paper = "Gers & Schmidhuber"
    year = 2000
    state_names = ("h", "c")
    gates = ("input", "forget", "candidate", "output")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        output: Literal["tanh", "identity"] = "tanh",
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.phi = phi(output)
        self.peephole = nn.Parameter(torch.zeros(3 * hidden_size))  # of i, f, o
        self.gate(self.bias, "forget").fill_(forget_bias)

    def elementwise_parameters(self) -> tuple[Tensor, ...]:
        return (self.peephole,)

    def update(
        self, sums: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        i, f, g, o = sums.chunk(4, dim=-1)
        p_i, p_f, p_o = parameters[0].chunk(3, dim=-1)
        _, c = state
        c = (f + p_f * c).sigmoid() * c + (i + p_i * c).sigmoid() * g.tanh()
        h = (o + p_o * c).sigmoid() * self.phi(c)
        return h, (h, c)


class CellPeepholeLSTM(GatedCell, ElementwiseCell):
    """Peepholes as in encyclopaedias, after Gers & Schmidhuber (2000): gates read c instead of h.

        i, f, o = σ(W x_t + U c_{t-1} + b)        g = tanh(W x_t + b)
        c_t = f ∘ c_{t-1} + i ∘ g                 h_t = o ∘ φ(c_t)

    Neither paper has this cell. The gates read the last memory through a full matrix U, the
    parameter `recurrent`, and not the last output; the candidate reads only the input.

    Args:
        input_size: features of one input.
        hidden_size: features of one output, and of the memory c.
        output: φ, "tanh" or "identity".
        forget_bias: initial bias of the forget gate.

    Raises:
        ValueError: an unknown φ.
    """

    paper = "Gers & Schmidhuber"
    year = 2000
    state_names = ("h", "c")
    gates = ("input", "forget", "output", "candidate")
    operand_parts = (1,)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        output: Literal["tanh", "identity"] = "tanh",
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.phi = phi(output)
        # Without the rows of the candidate.
        self.recurrent = nn.Parameter(self.recurrent.detach()[: 3 * hidden_size].clone())
        self.gate(self.bias, "forget").fill_(forget_bias)

    def equations(
        self, projected: Tensor, product: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        gates, g = projected.tensor_split([3 * self.hidden_size], dim=-1)
        i, f, o = (gates + product).sigmoid().chunk(3, dim=-1)
        _, c = state
        c = f * c + i * g.tanh()
        h = o * self.phi(c)
        return h, (h, c)


def phi(output: str) -> Callable[[Tensor], Tensor]:
    """φ, the activation of the memory in the output."""
    if output not in PHI:
        raise ValueError(f'output must be "tanh" or "identity", was: {output!r}')
    return PHI[output]


def peephole(
    input_size: int,
    hidden_size: int,
    *,
    output: Literal["tanh", "identity"] = "tanh",
    recurrence: Literal["output", "cell"] = "output",
    forget_bias: float = 1.0,
) -> PeepholeLSTM | CellPeepholeLSTM:
    """Long short-term memory with peepholes; the recurrent matrix reads the "output" or the "cell".

    The two forms have different parameters: that of the papers, and that of encyclopaedias.

    Raises:
        ValueError: an unknown option.
    """
    if recurrence not in ("output", "cell"):
        raise ValueError(f'recurrence must be "output" or "cell", was: {recurrence!r}')
    kind = PeepholeLSTM if recurrence == "output" else CellPeepholeLSTM
    return kind(input_size, hidden_size, output=output, forget_bias=forget_bias)
