"""Layers: a cell run over time, in either direction or both, with or without weight drop."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from seqlstm.nn.dropout import FixedMask, dropout
from seqlstm.recurrent.backends import BackendChoice, BackendError, Call, choose
from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.state import State


class Layer(nn.Module):
    """Base of the recurrent layers of a stack.

    A layer that wraps another one defines `core`; its other properties are those of `core` unless
    it overrides them.
    """

    @property
    def core(self) -> Layer:
        """The wrapped layer."""
        raise NotImplementedError

    @property
    def output(self) -> int:
        """Features of one output."""
        return self.core.output

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the tensors of the state, in order."""
        return self.core.state_names

    def initial_state(self, batch: int) -> State:
        """The state before the first step, for `batch` rows."""
        return self.core.initial_state(batch)

    def choice(self, call: Call) -> BackendChoice:
        """The backend for such a call, and why faster backends were not chosen."""
        return self.core.choice(call)


class Recurrent(Layer):
    """A cell run over time.

    Args:
        cell: the recurrence.
        backend: "auto", or a backend by name, which must then support every call.
        reverse: read each row from its own last step to its first.
    """

    def __init__(self, cell: Cell, *, backend: str = "auto", reverse: bool = False) -> None:
        super().__init__()
        self.cell = cell
        self.backend = backend
        self.reverse = reverse

    @property
    def output(self) -> int:
        return self.cell.hidden_size

    @property
    def state_names(self) -> tuple[str, ...]:
        return self.cell.state_names

    def initial_state(self, batch: int) -> State:
        return self.cell.initial_state(batch)

    def choice(self, call: Call) -> BackendChoice:
        return choose(self.cell, call, self.backend)

    def forward(
        self,
        inputs: Tensor,
        state: State | None = None,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        return_state: bool = True,
    ) -> tuple[Tensor, State | None]:
        """Run the cell over `inputs`.

        Args:
            inputs: (time, batch, input_size).
            state: before the first step; the cell's initial state when None.
            lengths: real steps of each row, (batch,). Outputs at padding are undefined.
            resets: true where a row is reset to the initial state before that step, (time, batch).
            return_state: whether to return the last state; some backends do not compute it.

        Returns:
            Outputs (time, batch, hidden), and the state after the last real step or None.

        Raises:
            ValueError: resets for a layer in reverse, or a backend that does not support the call.
            BackendError: the backend of this name turns out to be unable to run the cell.
        """
        if self.reverse and resets is not None:
            raise ValueError("a layer that reads backwards cannot be reset inside a span")
        call = Call(
            lengths=lengths is not None,
            resets=resets is not None,
            return_state=return_state,
            single_step=len(inputs) == 1,
        )
        if state is None:
            state = self.cell.initial_state(inputs.shape[1])
        run = partial(self.run, call, inputs=inputs, state=state, lengths=lengths, resets=resets)
        try:
            outputs, state = run()
        except BackendError as error:
            if self.backend != "auto":
                raise
            warnings.warn(f"{error.message}; slower code runs instead", stacklevel=2)
            outputs, state = run()
        return outputs, state if return_state else None

    def run(
        self,
        call: Call,
        *,
        inputs: Tensor,
        state: State,
        lengths: Tensor | None,
        resets: Tensor | None,
    ) -> tuple[Tensor, State]:
        """Outputs and last state of the backend for this call, as `Backend.run`."""
        backend = self.choice(call).backend
        if self.reverse:
            return backend.run_reverse(
                self.cell, inputs, state, lengths=lengths, return_state=call.return_state
            )
        # Lengths change the last state only: outputs at padding are undefined.
        needed = lengths if call.return_state else None
        return backend.run(self.cell, inputs, state, lengths=needed, resets=resets)


class Bidirectional(Layer):
    """A layer for each direction, with concatenated outputs (Graves & Schmidhuber, 2005)."""

    def __init__(self, forwards: Recurrent | WeightDrop, backwards: Recurrent | WeightDrop) -> None:
        super().__init__()
        self.forwards = forwards
        self.backwards = backwards

    @property
    def core(self) -> Layer:
        return self.forwards

    @property
    def output(self) -> int:
        return self.forwards.output + self.backwards.output

    @property
    def state_names(self) -> tuple[str, ...]:
        return self.forwards.state_names + self.backwards.state_names

    def initial_state(self, batch: int) -> State:
        return self.forwards.initial_state(batch), self.backwards.initial_state(batch)

    def forward(
        self,
        inputs: Tensor,
        state: State | None = None,
        *,
        return_state: bool = True,
        **options: Any,
    ) -> tuple[Tensor, State | None]:
        """As `Recurrent.forward`; the state is the pair of the two layers' states."""
        ahead, back = (None, None) if state is None else state
        left, ahead = self.forwards(inputs, ahead, return_state=return_state, **options)
        right, back = self.backwards(inputs, back, return_state=return_state, **options)
        return torch.cat([left, right], dim=-1), (ahead, back) if return_state else None


class WeightDrop(Layer, FixedMask):
    """DropConnect on the recurrent matrix in training (Merity, Keskar & Socher, 2017).

    There is one mask for the whole sequence, so that every backend can run the layer. Other
    matrices that read the state, such as those between the gates of FGR, are not dropped from.

    Args:
        layer: a layer whose cell, or the cell inside it, has a parameter named `recurrent`.
        probability: of dropping a weight.

    Raises:
        ValueError: there is no such parameter, or the probability is out of its range.
    """

    def __init__(self, layer: Recurrent, probability: float) -> None:
        super().__init__()
        if not 0 <= probability < 1:
            raise ValueError(f"weight drop must be in [0, 1), was: {probability}")
        self.parameter_name = f"cell.{recurrent_parameter_name(layer.cell)}"
        self.layer = layer
        self.probability = probability

    @property
    def core(self) -> Layer:
        return self.layer

    def forward(
        self, inputs: Tensor, state: State | None = None, **options: Any
    ) -> tuple[Tensor, State | None]:
        """As `Recurrent.forward`."""
        if not self.training:
            return self.layer(inputs, state, **options)  # type: ignore[no-any-return]
        matrix = self.layer.get_parameter(self.parameter_name)
        dropped = self.mask(lambda: dropout(matrix, self.probability))
        return functional_call(  # type: ignore[no-any-return]
            self.layer, {self.parameter_name: dropped}, (inputs, state), options
        )


def recurrent_parameter_name(cell: Cell) -> str:
    """The name of the recurrent matrix among the cell's parameters.

    Raises:
        ValueError: the cell has none.
    """
    for name, _ in cell.named_parameters():
        if name.split(".")[-1] == "recurrent":
            return name
    raise ValueError(f"{type(cell).__name__} has no recurrent matrix to drop from")
