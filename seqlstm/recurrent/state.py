"""The algebra of states.

A state is a nested tuple of tensors whose first axis is the batch, and nothing else. So beams,
truncated back-propagation, padding and resets are written once, for every cell there will ever be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

State: TypeAlias = tuple[Any, ...]  # of tensors, or of tuples like itself


def map_state(function: Callable[..., Tensor], *states: State) -> State:
    """Apply `function` to the tensors that stand at the same place in every state."""
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
    """The state of the given rows, in their order. `rows`: indices, (rows,)."""
    return map_state(lambda tensor: tensor.index_select(0, rows), state)


def detach(state: State) -> State:
    """The same values, cut from the graph: truncated back-propagation through time."""
    return map_state(Tensor.detach, state)


def keep(mask: Tensor, new: State, old: State) -> State:
    """Row by row: `new` where `mask` (batch,) is true, else `old`.

    By `where`, never by multiplication, so that an infinite old value leaves no trace.
    """

    def pick(fresh: Tensor, past: Tensor) -> Tensor:
        return torch.where(mask.view(-1, *[1] * (fresh.dim() - 1)), fresh, past)

    return map_state(pick, new, old)
