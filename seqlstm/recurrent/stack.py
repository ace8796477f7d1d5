"""Stacks of layers, with connections around the layers and dropout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn

from seqlstm.nn.dropout import Dropout
from seqlstm.recurrent.backends import BackendChoice, Call
from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.connections import Connection, ResidualDropout, make_connection
from seqlstm.recurrent.layer import Bidirectional, Layer, Recurrent, WeightDrop
from seqlstm.recurrent.state import State


class LayerStack(nn.Module):
    """A stack of layers.

    Args:
        layers: from the lowest.
        connections: for each layer, the module that combines its input and its output.
        dropouts: for each layer, the dropout on its input.
        output: features of one output.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        connections: Sequence[nn.Module],
        dropouts: Sequence[nn.Module],
        output: int,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.connections = nn.ModuleList(connections)
        self.dropouts = nn.ModuleList(dropouts)
        self.output = output

    def initial_state(self, batch: int) -> State:
        return tuple(layer.initial_state(batch) for layer in cast("list[Layer]", self.layers))

    def choices(self, call: Call) -> list[BackendChoice]:
        """The backend of each layer for such a call."""
        return [layer.choice(call) for layer in cast("list[Layer]", self.layers)]

    def forward(
        self,
        inputs: Tensor,
        state: State | None = None,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        return_state: bool = True,
        context: Tensor | None = None,
    ) -> tuple[Tensor, State | None]:
        """As `Recurrent.forward`; the state is the tuple of the layers' states.

        `context`, (time, batch, context), is concatenated to the input of every layer.
        """
        states = state or (None,) * len(self.layers)
        after = []
        for index, layer in enumerate(self.layers):
            # The connection reads the input without dropout.
            dropped = self.dropouts[index](inputs)
            joined = dropped if context is None else torch.cat([dropped, context], dim=-1)
            outputs, new = layer(
                joined, states[index], lengths=lengths, resets=resets, return_state=return_state
            )
            inputs = self.connections[index](inputs, outputs)
            after.append(new)
        return inputs, tuple(after) if return_state else None


class Stack(LayerStack):
    """A stack of recurrent layers.

    Layers whose input and output have the same size have a residual or highway connection; the
    others have a plain one.

    Args:
        cell: constructor of a cell from its input size and hidden size.
        input_size: features of one input.
        hidden_size: features of one output, of every layer, or a list from the lowest layer; in a
            bidirectional layer each direction has half of them.
        num_layers: number of layers; with 0 the output is the input.
        connection: plain, residual or highway.
        bidirectional: each layer reads in both directions.
        reverse: each layer reads from the last token of a row to its first.
        dropout: between layers.
        variational: one dropout mask for a whole sequence, or one for each step.
        weight_drop: DropConnect on the recurrent matrices.
        backend: "auto" or a backend by name.
        context: features of the context that each layer reads beside its input; 0 for none.

    Raises:
        ValueError: a bidirectional stack with an odd hidden size or with `reverse`; a negative
            number of layers; a list of sizes whose length is not the number of layers.
    """

    def __init__(
        self,
        cell: Callable[[int, int], Cell],
        *,
        input_size: int,
        hidden_size: int | Sequence[int],
        num_layers: int,
        connection: Connection = "plain",
        bidirectional: bool = False,
        reverse: bool = False,
        dropout: float = 0.0,
        variational: bool = True,
        weight_drop: float = 0.0,
        backend: str = "auto",
        context: int = 0,
    ) -> None:
        if num_layers < 0:
            raise ValueError(f"num_layers must not be negative, was: {num_layers}")
        sizes = [hidden_size] * num_layers if isinstance(hidden_size, int) else [*hidden_size]
        if len(sizes) != num_layers:
            raise ValueError(
                f"hidden_size must have a size for each of {num_layers} layers, was: {hidden_size}"
            )
        if bidirectional and any(size % 2 for size in sizes):
            raise ValueError(
                f"hidden_size must be even in a bidirectional stack, was: {hidden_size}"
            )
        if bidirectional and reverse:
            raise ValueError("reverse cannot take effect in a stack that reads in both directions")

        def make_layer(
            input_size: int, hidden_size: int, *, reverse: bool = reverse
        ) -> Recurrent | WeightDrop:
            layer = Recurrent(
                cell(input_size + context, hidden_size), backend=backend, reverse=reverse
            )
            return WeightDrop(layer, weight_drop) if weight_drop else layer

        def make_bidirectional(input_size: int, hidden_size: int) -> Bidirectional:
            return Bidirectional(
                make_layer(input_size, hidden_size // 2),
                make_layer(input_size, hidden_size // 2, reverse=True),
            )

        make = make_bidirectional if bidirectional else make_layer
        shapes = list(pairwise([input_size, *sizes]))
        super().__init__(
            [make(layer_input, layer_output) for layer_input, layer_output in shapes],
            connections=[
                make_connection(
                    connection if layer_input == layer_output else "plain", layer_output
                )
                for layer_input, layer_output in shapes
            ],
            dropouts=[
                Dropout(dropout if index else 0.0, variational=variational)
                for index in range(num_layers)
            ],
            output=sizes[-1] if sizes else input_size,
        )


class BlockStack(LayerStack):
    """A stack of residual blocks, whose outputs have the size of their inputs.

    Each block reads the residual stream, normalizes it and returns its branch; the stack adds the
    branch to the stream. A LayerNorm after the last block normalizes the output.

    Args:
        block: constructor of a block from its index, counted from 0.
        input_size: features of one input and of one output.
        num_layers: number of blocks.
        dropout: on each block's branch.
        variational: one dropout mask for a whole sequence, or one for each step.
    """

    def __init__(
        self,
        block: Callable[[int], Layer],
        *,
        input_size: int,
        num_layers: int,
        dropout: float = 0.0,
        variational: bool = True,
    ) -> None:
        super().__init__(
            [block(index) for index in range(num_layers)],
            connections=[
                ResidualDropout(Dropout(dropout, variational=variational))
                for _ in range(num_layers)
            ],
            dropouts=[nn.Identity() for _ in range(num_layers)],
            output=input_size,
        )
        self.normalise = nn.LayerNorm(input_size)

    def forward(
        self, inputs: Tensor, state: State | None = None, **options: Any
    ) -> tuple[Tensor, State | None]:
        """As `Recurrent.forward`; the state is the tuple of the blocks' states."""
        outputs, after = super().forward(inputs, state, **options)
        return self.normalise(outputs), after
