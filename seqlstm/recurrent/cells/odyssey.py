"""The vanilla LSTM of "LSTM: a search space odyssey", and its eight variants."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from seqlstm.recurrent.cells.base import AdditiveCell, GatedCell
from seqlstm.recurrent.state import State


class VanillaLSTM(GatedCell, AdditiveCell):
    """V, the vanilla LSTM: three gates with peepholes (Greff et al., 2015).

        i, f = σ(W x_t + R h_{t-1} + p ∘ c_{t-1} + b)     g = tanh(W x_t + R h_{t-1} + b)
        c_t = f ∘ c_{t-1} + i ∘ g
        o = σ(W x_t + R h_{t-1} + p ∘ c_t + b)            h_t = o ∘ tanh(c_t)

    The peepholes p start at zero.

    Args:
        input_size: features of one input.
        hidden_size: features of one output, and of the memory c.
        forget_bias: initial bias of the forget gate.
    """

    paper = "Greff et al."
    year = 2015
    state_names: ClassVar[tuple[str, ...]] = ("h", "c")
    gates: ClassVar[tuple[str, ...]] = ("input", "forget", "candidate", "output")
    peepholes: ClassVar[bool] = True

    def __init__(self, input_size: int, hidden_size: int, *, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        if self.peepholes:
            self.peephole = nn.Parameter(torch.zeros(len(self.peephole_gates) * hidden_size))
        self.init_forget_bias(forget_bias)

    @property
    def peephole_gates(self) -> tuple[str, ...]:
        """The gates with a peephole."""
        return tuple(name for name in self.gates if self.peepholes and name != "candidate")

    def elementwise_parameters(self) -> tuple[Tensor, ...]:
        return self.peephole.chunk(len(self.peephole_gates)) if self.peepholes else ()

    def update(
        self, sums: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        a = dict(zip(self.gates, sums.chunk(len(self.gates), dim=-1), strict=True))
        p = dict(zip(self.peephole_gates, parameters, strict=True))
        c = state[1]
        i = gate_activation("input", a, p, c)
        f = self.forget(i, a, p, c)
        c = f * c + i * self.input_activation(a["candidate"])
        o = gate_activation("output", a, p, c)
        h = o * self.output_activation(c)
        return h, (h, c, i, f, o)[: len(self.state_names)]

    # The methods that variants override.

    def init_forget_bias(self, forget_bias: float) -> None:
        """Initialize the bias of the forget gate."""
        self.gate(self.bias, "forget").fill_(forget_bias)

    def forget(self, i: Tensor, a: dict[str, Tensor], p: dict[str, Tensor], c: Tensor) -> Tensor:
        """The forget gate f; see `gate_activation`."""
        return gate_activation("forget", a, p, c)

    def input_activation(self, g: Tensor) -> Tensor:
        return g.tanh()

    def output_activation(self, c: Tensor) -> Tensor:
        return c.tanh()


def gate_activation(name: str, a: dict[str, Tensor], p: dict[str, Tensor], c: Tensor) -> Tensor:
    """The activation of a gate; 1 where the cell has no such gate.

    Args:
        name: of the gate.
        a: the sums W x_t + R h_{t-1} + b, by gate.
        p: the peepholes, by gate.
        c: the memory that the peephole reads.
    """
    if name not in a:
        return torch.ones_like(c)
    return (a[name] + p[name] * c if name in p else a[name]).sigmoid()


class NoInputGate(VanillaLSTM):
    """NIG, the vanilla LSTM without input gate: i = 1 (Greff et al., 2015)."""

    gates = ("forget", "candidate", "output")


class NoForgetGate(VanillaLSTM):
    """NFG, the vanilla LSTM without forget gate: f = 1 (Greff et al., 2015)."""

    gates = ("input", "candidate", "output")

    def init_forget_bias(self, forget_bias: float) -> None:
        if forget_bias != 1.0:
            raise ValueError(f"NFG has no forget gate, so no forget_bias, was: {forget_bias}")


class NoOutputGate(VanillaLSTM):
    """NOG, the vanilla LSTM without output gate: o = 1 (Greff et al., 2015)."""

    gates = ("input", "forget", "candidate")


class NoInputActivation(VanillaLSTM):
    """NIAF, the vanilla LSTM without tanh of its candidate (Greff et al., 2015)."""

    def input_activation(self, g: Tensor) -> Tensor:
        return g


class NoOutputActivation(VanillaLSTM):
    """NOAF, the vanilla LSTM without tanh in its output (Greff et al., 2015)."""

    def output_activation(self, c: Tensor) -> Tensor:
        return c


class CoupledGates(VanillaLSTM):
    """CIFG, the vanilla LSTM with coupled gates, f = 1 − i (Greff et al., 2015).

    The bias of the input gate starts at −forget_bias, so f starts at σ(forget_bias).
    """

    gates = ("input", "candidate", "output")

    def init_forget_bias(self, forget_bias: float) -> None:
        self.gate(self.bias, "input").fill_(-forget_bias)

    def forget(self, i: Tensor, a: dict[str, Tensor], p: dict[str, Tensor], c: Tensor) -> Tensor:
        return 1 - i


class NoPeepholes(VanillaLSTM):
    """NP, the vanilla LSTM without peepholes (Greff et al., 2015)."""

    peepholes = False


class FullGateRecurrence(VanillaLSTM):
    """FGR, the vanilla LSTM whose gates also read the last gates (Greff et al., 2015).

    The sums of i, f and o each have three more terms R_i i_{t-1} + R_f f_{t-1} + R_o o_{t-1}. These
    nine matrices are the parameter `gate_recurrent`; each starts orthogonal.
    """

    state_names = ("h", "c", "i", "f", "o")
    operand_parts = (0, 2, 3, 4)

    def __init__(self, input_size: int, hidden_size: int, *, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size, forget_bias=forget_bias)
        # Rows: the gates i, f, o that read. Columns: the gates i, f, o that are read.
        self.gate_recurrent = nn.Parameter(torch.empty(3 * hidden_size, 3 * hidden_size))
        for rows in self.gate_recurrent.detach().chunk(3):
            for matrix in rows.chunk(3, dim=1):
                nn.init.orthogonal_(matrix)

    def recurrent_matrix(self) -> Tensor:
        """(4·hidden, 4·hidden): the candidate reads only h."""
        rows_i_f, rows_o = self.gate_recurrent.tensor_split([2 * self.hidden_size])
        rows_candidate = torch.zeros_like(rows_o)
        gates = torch.cat([rows_i_f, rows_candidate, rows_o])
        return torch.cat([self.recurrent, gates], dim=1)


VARIANTS: dict[str, type[VanillaLSTM]] = {
    "V": VanillaLSTM,
    "NIG": NoInputGate,
    "NFG": NoForgetGate,
    "NOG": NoOutputGate,
    "NIAF": NoInputActivation,
    "NOAF": NoOutputActivation,
    "CIFG": CoupledGates,
    "NP": NoPeepholes,
    "FGR": FullGateRecurrence,
}


def odyssey(
    input_size: int,
    hidden_size: int,
    *,
    variant: Literal["V", "NIG", "NFG", "NOG", "NIAF", "NOAF", "CIFG", "NP", "FGR"] = "V",
    forget_bias: float = 1.0,
) -> VanillaLSTM:
    """The vanilla LSTM "V", or V with exactly one change (Greff et al., 2015).

    NIG, NFG, NOG: no input, forget or output gate. NIAF, NOAF: no tanh of the candidate, or of the
    memory in the output. CIFG: f = 1 − i. NP: no peepholes. FGR: gates also read the last gates.

    Raises:
        ValueError: an unknown variant, or a forget bias for NFG.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, was: {variant!r}")
    return VARIANTS[variant](input_size, hidden_size, forget_bias=forget_bias)
