"""States of cells, layers and stacks, and operations on them.

A state is a nested tuple of tensors whose first axis is the batch. Beam search, truncated
back-propagation, padding and resets are written once with these operations, for every cell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

State: TypeAlias = tuple[Any, ...]  # of tensors or of states


def map_state(function: Callable[..., Tensor], *states: State) -> State:
    """Apply `function` to the tensors at the same place of all states."""
    return tuple(
        function(*parts) if isinstance(parts[0], Tensor) else map_state(function, *parts)
        for parts in zip(*states, strict=True)
    )


def leaves(state: State) -> list[Tensor]:
    """The tensors of a state, in order."""
    return [
        tensor
        for part in state
        for tensor in ([part] if isinstance(part, Tensor) else leaves(part))
    ]


def select(state: State, rows: Tensor) -> State:
    """The state of some rows, in the order of their indices `rows`, (rows,)."""
    return map_state(lambda tensor: tensor.index_select(0, rows), state)


def detach(state: State) -> State:
    """The same values without gradients: truncated back-propagation through time."""
    return map_state(Tensor.detach, state)


def where(mask: Tensor, state: State, other: State) -> State:
    """`torch.where` row by row: `state` where `mask` (batch,) is true, else `other`.

    Not a product with the mask: the rows that are not chosen may be infinite.
    """

    def where_rows(part: Tensor, other_part: Tensor) -> Tensor:
        return torch.where(mask.view(-1, *[1] * (part.dim() - 1)), part, other_part)

    return map_state(where_rows, state, other)
