"""What every recurrence has in common.

A cell is its paper's equations: `project` holds all that does not depend on the state, for all
steps at once; `step` is the paper. How the steps are run is the engines' business.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from seqlstm.recurrent.state import State


class Cell(nn.Module, ABC):
    """A recurrence from inputs of `width` features to outputs of `hidden`.

    Args:
        width: features of one input.
        hidden: features of one output.

    Raises:
        ValueError: a size that is not positive.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        for name, size in (("width", width), ("hidden", hidden)):
            if size < 1:
                raise ValueError(f"{name} must be positive, was: {size}")
        self.width = width
        self.hidden = hidden

    @abstractmethod
    def initial_state(self, batch: int) -> State:
        """The state before the first step, for `batch` rows."""

    @abstractmethod
    def project(self, inputs: Tensor) -> Tensor:
        """(time, batch, width) -> (time, batch, whatever `step` reads)."""

    @abstractmethod
    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: the output (batch, hidden) and the state after it."""


class GatedCell(Cell):
    """A cell whose gates read the input through `input` (W), the last output by `recurrent` (R).

    Both matrices, and the one bias, hold the gates one below the other, in the order of `gates`.
    W is drawn as Glorot & Bengio (2010) do, R is orthogonal gate by gate, the bias starts at zero.
    """

    gates: ClassVar[tuple[str, ...]]

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(width, hidden)
        rows = len(self.gates) * hidden
        self.input = nn.Parameter(torch.empty(rows, width))
        self.recurrent = nn.Parameter(torch.empty(rows, hidden))
        self.bias = nn.Parameter(torch.zeros(rows))
        for gate in self.gates:
            nn.init.xavier_uniform_(self.gate(self.input, gate))
            nn.init.orthogonal_(self.gate(self.recurrent, gate))

    def gate(self, parameter: Tensor, name: str) -> Tensor:
        """The rows of `parameter` that belong to the gate `name`: a view, without gradient."""
        start = self.gates.index(name) * self.hidden
        return parameter.detach()[start : start + self.hidden]

    def zeros(self, batch: int) -> Tensor:
        """(batch, hidden) of zeros, where the parameters are."""
        return self.bias.new_zeros(batch, self.hidden)

    def project(self, inputs: Tensor) -> Tensor:
        return nn.functional.linear(inputs, self.input, self.bias)


class ElementwiseCell(GatedCell):
    """A gated cell that is element-wise once the product R·h is known.

    Its author writes `equations` alone. `projected` and `recurrent` stay apart, since a GRU needs
    them so. The state's first tensor is h.
    """

    @abstractmethod
    def equations(self, projected: Tensor, recurrent: Tensor, state: State) -> tuple[Tensor, State]:
        """From W·x + b and R·h, both (batch, gates·hidden), to the output and the next state."""

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        return self.equations(projected, nn.functional.linear(state[0], self.recurrent), state)
