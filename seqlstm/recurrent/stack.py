"""Stacks: layers one above the other, with dropout between them and a choice of connections."""

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
    """Layers one above the other.

    Args:
        layers: from the lowest.
        connections: what joins the input of each with its output.
        dropouts: on what each reads.
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
        last: bool = True,
        context: Tensor | None = None,
    ) -> tuple[Tensor, State | None]:
        """As `Recurrent.forward`; the state is the tuple of the layers' states.

        `context`, (time, batch, context), joins the input of every layer.
        """
        states = state or (None,) * len(self.layers)
        after = []
        for index, layer in enumerate(self.layers):
            # What a connection carries past the layer is not dropped.
            read = self.dropouts[index](inputs)
            joined = read if context is None else torch.cat([read, context], dim=-1)
            outputs, new = layer(joined, states[index], lengths=lengths, resets=resets, last=last)
            inputs = self.connections[index](inputs, outputs)
            after.append(new)
        return inputs, tuple(after) if last else None


class Stack(LayerStack):
    """Recurrent layers one above the other.

    Residual and highway connections go round every layer whose input is as wide as its output.

    Args:
        cell: makes a cell from its input width and hidden size.
        width: features of one input.
        hidden: features of one output, of every layer or of one after the other, from the lowest; a
            bidirectional layer gives half of them to each direction.
        layers: how many; none is a stack that hands its input on.
        connection: plain, residual or highway.
        bidirectional: each layer reads in both directions.
        reverse: each layer reads from the last token of a row to its first.
        dropout: between layers.
        variational: one dropout mask for a whole sequence, or one for each step.
        weight_drop: DropConnect on the recurrent matrices.
        backend: "auto" or a backend by name.
        context: features that join the input of every layer at each step; 0 for none.

    Raises:
        ValueError: a bidirectional stack of odd hidden size, or one that is to read backwards;
            fewer layers than none, or as many sizes as there are not.
    """

    def __init__(
        self,
        cell: Callable[[int, int], Cell],
        *,
        width: int,
        hidden: int | Sequence[int],
        layers: int,
        connection: Connection = "plain",
        bidirectional: bool = False,
        reverse: bool = False,
        dropout: float = 0.0,
        variational: bool = True,
        weight_drop: float = 0.0,
        backend: str = "auto",
        context: int = 0,
    ) -> None:
        if layers < 0:
            raise ValueError(f"layers must not be negative, was: {layers}")
        sizes = [hidden] * layers if isinstance(hidden, int) else [*hidden]
        if len(sizes) != layers:
            raise ValueError(f"hidden must have a size for each of {layers} layers, was: {hidden}")
        if bidirectional and any(size % 2 for size in sizes):
            raise ValueError(f"hidden must be even in a bidirectional stack, was: {hidden}")
        if bidirectional and reverse:
            raise ValueError("reverse cannot take effect in a stack that reads in both directions")

        def one(width: int, hidden: int, *, reverse: bool = reverse) -> Recurrent | WeightDrop:
            layer = Recurrent(cell(width + context, hidden), backend=backend, reverse=reverse)
            return WeightDrop(layer, weight_drop) if weight_drop else layer

        def both(width: int, hidden: int) -> Bidirectional:
            return Bidirectional(one(width, hidden // 2), one(width, hidden // 2, reverse=True))

        make = both if bidirectional else one
        shapes = list(pairwise([width, *sizes]))
        super().__init__(
            [make(reads, gives) for reads, gives in shapes],
            connections=[
                make_connection(connection if reads == gives else "plain", gives)
                for reads, gives in shapes
            ],
            dropouts=[
                Dropout(dropout if index else 0.0, variational=variational)
                for index in range(layers)
            ],
            output=sizes[-1] if sizes else width,
        )


class BlockStack(LayerStack):
    """Residual blocks one above the other, as wide above as below.

    The sum that a residual stack carries is normalised by each block that reads it; whoever reads
    the stack finds it normalised too, by a LayerNorm after the last block.

    Args:
        block: makes a block from its number, counted from 0.
        width: features of one input and of one output.
        layers: how many blocks.
        dropout: on what each block adds.
        variational: one dropout mask for a whole sequence, or one for each step.
    """

    def __init__(
        self,
        block: Callable[[int], Layer],
        *,
        width: int,
        layers: int,
        dropout: float = 0.0,
        variational: bool = True,
    ) -> None:
        super().__init__(
            [block(index) for index in range(layers)],
            connections=[
                ResidualDropout(Dropout(dropout, variational=variational)) for _ in range(layers)
            ],
            dropouts=[nn.Identity() for _ in range(layers)],
            output=width,
        )
        self.normalise = nn.LayerNorm(width)

    def forward(
        self, inputs: Tensor, state: State | None = None, **options: Any
    ) -> tuple[Tensor, State | None]:
        """As `Recurrent.forward`; the state is the tuple of the blocks' states."""
        outputs, after = super().forward(inputs, state, **options)
        return self.normalise(outputs), after
