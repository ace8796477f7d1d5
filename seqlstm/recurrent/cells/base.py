"""Base classes of recurrent cells.

A cell defines three methods:

    initial_state(batch)    the state before the first step
    project(inputs)         the part that does not depend on the state, for all steps at once
    step(projected, state)  the equations of one step: the output and the next state

Four base classes define some of them:

    GatedCell        the parameters of gates, `initial_state` and `project`
    ElementwiseCell  `step` from one recurrent product and element-wise `equations`
    AdditiveCell     the same where the equations read only W·x + b + R·h: `update`
    LinearCell       `step` of a cell that is linear in its state: `coefficients`

Backends that are faster than `loop` run the last three.
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
    # Names of the tensors of the state, in order. An "h" comes first and is the output.
    state_names: ClassVar[tuple[str, ...]]
    # Why only the backend `loop` can run the cell; empty where others can.
    loop_only_reason: str = ""
    # The input that the cell needs and a model of text does not have; empty if it needs none.
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
        """The state before the first step, for `batch` rows: constants without gradients."""

    @abstractmethod
    def project(self, inputs: Tensor) -> Tensor:
        """(time, batch, input_size) -> (time, batch, features that `step` reads), step by step."""

    @abstractmethod
    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: the output (batch, hidden) and the next state."""

    def interpolate(self, weight: State, new: State, old: State) -> State:
        """weight · old + (1 − weight) · new, part by part.

        A cell overrides this if parts of its state are scaled by one another.
        """
        return map_state(lambda w, n, o: torch.lerp(n, o, w), weight, new, old)


class ElementwiseCell(Cell):
    """A cell whose step is one recurrent product R·h and, after it, element-wise equations.

    Every tensor of its state is (batch, hidden).
    """

    # Indices of the parts of the state that R multiplies, concatenated.
    operand_parts: tuple[int, ...] = (0,)

    @abstractmethod
    def recurrent_matrix(self) -> Tensor:
        """R, the matrix of the product: (rows, columns), or (heads, rows, columns) by head."""

    def elementwise_parameters(self) -> tuple[Tensor, ...]:
        """The parameters of the equations, each (a multiple of hidden,)."""
        return ()

    @abstractmethod
    def equations(
        self, projected: Tensor, product: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        """The output and the next state.

        Unit j of each result may depend only on units j of the arguments. Apart from them, the
        equations may depend only on `training` and on constants: a backend traces them once.

        Args:
            projected: from `project`, (..., a multiple of hidden).
            product: R·h, (..., a multiple of hidden).
            state: before the step, (..., hidden) each.
            parameters: from `elementwise_parameters`.
        """

    def operand(self, state: State) -> Tensor:
        """The parts of the state that R multiplies, (batch, columns)."""
        parts = [state[index] for index in self.operand_parts]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        product = multiply(self.recurrent_matrix(), self.operand(state))
        dtype = state[0].dtype
        return self.equations(
            projected.to(dtype), product.to(dtype), state, self.elementwise_parameters()
        )


class AdditiveCell(ElementwiseCell):
    """An element-wise cell whose equations read only the sum W·x + b + R·h, as most cells do."""

    @abstractmethod
    def update(
        self, sums: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        """`equations`, from the sum of the projected input and the product."""

    def equations(
        self, projected: Tensor, product: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        return self.update(projected + product, state, parameters)


class LinearCell(Cell):
    """A linear recurrence h_t = a_t ∘ h_{t-1} + b_t, where a and b depend on the input only."""

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
    """A cell with gates W x_t + R h_{t-1} + b; W is the parameter `input`, R is `recurrent`.

    The rows of W, R and b are those of the gates, in the order of `gates`. W is initialized after
    Glorot & Bengio (2010), R is orthogonal for each gate, and b is zero.
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
        """The rows of a parameter that belong to the gate `name`: a view without gradient."""
        start = self.gates.index(name) * self.hidden_size
        return parameter.detach()[start : start + self.hidden_size]

    def initial_state(self, batch: int) -> State:
        """Zeros, in the type and on the device of the parameters."""
        return tuple(self.bias.new_zeros(batch, self.hidden_size) for _ in self.state_names)

    def project(self, inputs: Tensor) -> Tensor:
        return linear(inputs, self.input, self.bias)

    def recurrent_matrix(self) -> Tensor:
        return self.recurrent
