"""Base classes of recurrent cells.

A cell is its paper's equations, in three methods:

    initial_state(batch)    the state before the first step
    project(inputs)         the part that does not depend on the state, for all steps at once
    step(projected, state)  the equations of one step: the output and the next state

`GatedCell` has the parameters of gates. `AdditiveCell` (`update`) and `ElementwiseCell`
(`equations`) have the step of cells with one recurrent product, `LinearCell` (`coefficients`) that
of cells linear in their state; faster backends than `loop` run these.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from seqlstm.nn.linear import linear
from seqlstm.recurrent.cells.headwise import multiply
from seqlstm.recurrent.state import State, map_state


class Cell(nn.Module, ABC):
    """A recurrence from inputs of `input_size` features to outputs of `hidden_size`.

    Args:
        input_size: features of one input.
        hidden_size: features of one output.

    Raises:
        ValueError: a size that is not positive.
    """

    paper: ClassVar[str]
    year: ClassVar[int]
    # Names of the tensors of the state, in order; an "h" comes first, and is the output.
    state_names: ClassVar[tuple[str, ...]]
    # Why no backend but the loop can serve it, in words; empty when that is not so.
    loop_only_reason: str = ""
    # An input that a model of text does not have, in words; empty when it runs on any input.
    required_input: str = ""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if size < 1:
                raise ValueError(f"{name} must be positive, was: {size}")
        self.input_size = input_size
        self.hidden_size = hidden_size

    @abstractmethod
    def initial_state(self, batch: int) -> State:
        """The state before the first step, for `batch` rows: constants, through which no gradient
        flows where rows are reset."""

    @abstractmethod
    def project(self, inputs: Tensor) -> Tensor:
        """(time, batch, width) -> (time, batch, whatever `step` reads), each step by itself."""

    @abstractmethod
    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: the output (batch, hidden) and the state after it."""

    def mix(self, share: State, new: State, old: State) -> State:
        """`share` of the old state and the rest of the new one, part by part.

        A cell whose parts mean something only together mixes them together.
        """
        return map_state(lambda part, fresh, past: torch.lerp(fresh, past, part), share, new, old)


class ElementwiseCell(Cell):
    """A cell that is element-wise once one recurrent product is known: its author writes that.

    Every tensor of its state is (batch, hidden).
    """

    # The parts of the state that the product reads, side by side.
    operand: tuple[int, ...] = (0,)

    @abstractmethod
    def recurrence(self) -> Tensor:
        """The product's matrix R: (rows, columns), or (heads, rows, columns) by head."""

    def elementwise(self) -> tuple[Tensor, ...]:
        """Parameters that the equations read, each (a multiple of hidden,)."""
        return ()

    @abstractmethod
    def equations(
        self, projected: Tensor, recurrent: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        """From what `project` gave and from the product to the output and the next state.

        All that they read is (..., multiples of hidden) in the precision of the state, and unit j
        of all results may depend only on units j of it. `parameters` is what `elementwise` gives.
        What else they depend on stays as it was when they first ran, but for `training`.
        """

    def read(self, state: State) -> Tensor:
        """What the product multiplies, (batch, columns)."""
        parts = [state[index] for index in self.operand]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        recurrent = multiply(self.recurrence(), self.read(state))
        dtype = state[0].dtype
        return self.equations(projected.to(dtype), recurrent.to(dtype), state, self.elementwise())


class AdditiveCell(ElementwiseCell):
    """An element-wise cell that reads its two products added up, W·x + b + R·h, as most do."""

    @abstractmethod
    def update(
        self, sums: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        """`equations`, from the sum."""

    def equations(
        self, projected: Tensor, recurrent: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        return self.update(projected + recurrent, state, parameters)


class LinearCell(Cell):
    """h_t = a_t ∘ h_{t-1} + b_t, where a and b follow from the input alone."""

    state_names = ("h",)

    @abstractmethod
    def coefficients(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """a and b, (..., hidden) each."""

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        (h,) = state
        a, b = self.coefficients(projected)
        h = a * h + b
        return h, (h,)


class GatedCell(Cell):
    """A cell whose gates read the input through `input` (W), the last output by `recurrent` (R).

    Both matrices, and the one bias, hold the gates one below the other, in the order of `gates`.
    W is initialised as by Glorot & Bengio (2010), R is orthogonal gate by gate, the bias is zero.
    """

    gates: ClassVar[tuple[str, ...]]

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        rows = len(self.gates) * hidden_size
        self.input = nn.Parameter(torch.empty(rows, input_size))
        self.recurrent = nn.Parameter(torch.empty(rows, hidden_size))
        self.bias = nn.Parameter(torch.zeros(rows))
        for gate in self.gates:
            nn.init.xavier_uniform_(self.gate(self.input, gate))
            nn.init.orthogonal_(self.gate(self.recurrent, gate))

    def gate(self, parameter: Tensor, name: str) -> Tensor:
        """The rows of `parameter` that belong to the gate `name`: a view, without gradient."""
        start = self.gates.index(name) * self.hidden_size
        return parameter.detach()[start : start + self.hidden_size]

    def initial_state(self, batch: int) -> State:
        """Zeros, where the parameters are."""
        return tuple(self.bias.new_zeros(batch, self.hidden_size) for _ in self.state_names)

    def project(self, inputs: Tensor) -> Tensor:
        return linear(inputs, self.input, self.bias)

    def recurrence(self) -> Tensor:
        return self.recurrent
