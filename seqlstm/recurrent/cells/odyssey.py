"""The vanilla LSTM of a search space odyssey, and eight that differ from it in one thing each."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from seqlstm.recurrent.cells.base import AdditiveCell, GatedCell
from seqlstm.recurrent.state import State


class VanillaLSTM(GatedCell, AdditiveCell):
    """V, the vanilla LSTM: three gates, each with a peephole (Greff et al., 2015).

        i, f = σ(W x_t + R h_{t-1} + p ∘ c_{t-1} + b)     g = tanh(W x_t + R h_{t-1} + b)
        c_t = f ∘ c_{t-1} + i ∘ g
        o = σ(W x_t + R h_{t-1} + p ∘ c_t + b)            h_t = o ∘ tanh(c_t)

    The peepholes p start at zero: at first the memory lives by the forget gate's bias alone.

    Args:
        input_size: features of one input.
        hidden_size: features of one output, and of the memory c.
        forget_bias: where the forget gate's bias starts.
    """

    paper = "Greff et al."
    year = 2015
    state_names: ClassVar[tuple[str, ...]] = ("h", "c")
    gates: ClassVar[tuple[str, ...]] = ("input", "forget", "candidate", "output")
    peepholes: ClassVar[bool] = True

    def __init__(self, input_size: int, hidden_size: int, *, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        if self.peepholes:
            self.peephole = nn.Parameter(torch.zeros(len(self.looking) * hidden_size))
        self.start(forget_bias)

    @property
    def looking(self) -> tuple[str, ...]:
        """Who has a peephole."""
        return tuple(name for name in self.gates if self.peepholes and name != "candidate")

    def elementwise(self) -> tuple[Tensor, ...]:
        return self.peephole.chunk(len(self.looking)) if self.peepholes else ()

    def update(
        self, sums: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        a = dict(zip(self.gates, sums.chunk(len(self.gates), dim=-1), strict=True))
        p = dict(zip(self.looking, parameters, strict=True))
        c = state[1]
        i = opened("input", a, p, c)
        f = self.forget(i, a, p, c)
        c = f * c + i * self.squash_input(a["candidate"])
        o = opened("output", a, p, c)
        h = o * self.squash_output(c)
        return h, (h, c, i, f, o)[: len(self.state_names)]

    # What the variants change.

    def start(self, forget_bias: float) -> None:
        """Lets the memory live at first."""
        self.gate(self.bias, "forget").fill_(forget_bias)

    def forget(self, i: Tensor, a: dict[str, Tensor], p: dict[str, Tensor], c: Tensor) -> Tensor:
        return opened("forget", a, p, c)

    def squash_input(self, g: Tensor) -> Tensor:
        return g.tanh()

    def squash_output(self, c: Tensor) -> Tensor:
        return c.tanh()


def opened(name: str, a: dict[str, Tensor], p: dict[str, Tensor], c: Tensor) -> Tensor:
    """A gate, from the sums `a` and with its peephole in `p` if it has one; 1 if there is none."""
    if name not in a:
        return torch.ones_like(c)
    return (a[name] + p[name] * c if name in p else a[name]).sigmoid()


class NoInputGate(VanillaLSTM):
    """NIG, the vanilla LSTM with no input gate: i = 1 (Greff et al., 2015)."""

    gates = ("forget", "candidate", "output")


class NoForgetGate(VanillaLSTM):
    """NFG, the vanilla LSTM with no forget gate: f = 1 (Greff et al., 2015)."""

    gates = ("input", "candidate", "output")

    def start(self, forget_bias: float) -> None:
        if forget_bias != 1.0:
            raise ValueError(f"NFG has no forget gate, so no forget_bias, was: {forget_bias}")


class NoOutputGate(VanillaLSTM):
    """NOG, the vanilla LSTM with no output gate: o = 1 (Greff et al., 2015)."""

    gates = ("input", "forget", "candidate")


class NoInputActivation(VanillaLSTM):
    """NIAF, the vanilla LSTM whose candidate is not squashed (Greff et al., 2015)."""

    def squash_input(self, g: Tensor) -> Tensor:
        return g


class NoOutputActivation(VanillaLSTM):
    """NOAF, the vanilla LSTM whose memory is not squashed on its way out (Greff et al., 2015)."""

    def squash_output(self, c: Tensor) -> Tensor:
        return c


class CoupledGates(VanillaLSTM):
    """CIFG, the vanilla LSTM with f = 1 − i, the input gate as it was (Greff et al., 2015).

    The forget bias is the input gate's, with its sign turned: f = σ(forget_bias) at first.
    """

    gates = ("input", "candidate", "output")

    def start(self, forget_bias: float) -> None:
        self.gate(self.bias, "input").fill_(-forget_bias)

    def forget(self, i: Tensor, a: dict[str, Tensor], p: dict[str, Tensor], c: Tensor) -> Tensor:
        return 1 - i


class NoPeepholes(VanillaLSTM):
    """NP, the vanilla LSTM with no peepholes (Greff et al., 2015)."""

    peepholes = False


class FullGateRecurrence(VanillaLSTM):
    """FGR, the vanilla LSTM whose gates read each other's past as well (Greff et al., 2015).

    To what i, f and o add up there come R_i i_{t-1} + R_f f_{t-1} + R_o o_{t-1}, with matrices of
    their own: nine in all, the parameter `gate_recurrent`, orthogonal one by one as in R.
    """

    state_names = ("h", "c", "i", "f", "o")
    operand = (0, 2, 3, 4)

    def __init__(self, input_size: int, hidden_size: int, *, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size, forget_bias=forget_bias)
        # Rows: who reads, i, f, o. Columns: who is read, i, f, o.
        self.gate_recurrent = nn.Parameter(torch.empty(3 * hidden_size, 3 * hidden_size))
        for rows in self.gate_recurrent.detach().chunk(3):
            for matrix in rows.chunk(3, dim=1):
                nn.init.orthogonal_(matrix)

    def recurrence(self) -> Tensor:
        """(4·hidden, 4·hidden): the candidate reads h alone."""
        into_i_f, into_o = self.gate_recurrent.tensor_split([2 * self.hidden_size])
        nothing = torch.zeros_like(into_o)
        gates = torch.cat([into_i_f, nothing, into_o])
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

    NIG, NFG, NOG: no input, forget or output gate. NIAF, NOAF: no tanh of what enters the memory,
    or of what leaves it. CIFG: f = 1 − i. NP: no peepholes. FGR: gates read the gates before.

    Raises:
        ValueError: another variant, or a forget bias for NFG.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, was: {variant!r}")
    return VARIANTS[variant](input_size, hidden_size, forget_bias=forget_bias)
