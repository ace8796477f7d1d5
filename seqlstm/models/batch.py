"""Batches of ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from seqlstm.recurrent.state import State


@dataclass(frozen=True)
class Batch:
    """A batch: ids to predict and, for translation, source ids.

    Positions of targets are computed in advance, so that models have no data-dependent shapes.

    Attributes:
        inputs: input ids, (batch, time).
        targets: ids to predict, one for each input, (batch, time).
        target_index: positions of the targets that are not padding among all targets, flattened
            from (time, batch); (tokens,).
        lengths: steps of each row without padding, (batch,); None when every row is full.
        resets: true where a row starts from the initial state, (batch, time); None for nowhere.
        source: source ids, (batch, source time); None for a language model.
        source_lengths: ids of each source without padding, (batch,).
        carry_state: whether the rows continue those of the previous batch, from its last state.
        lr_factor: factor of the learning rate for a step on this batch.
    """

    inputs: Tensor
    targets: Tensor
    target_index: Tensor
    lengths: Tensor | None = None
    resets: Tensor | None = None
    source: Tensor | None = None
    source_lengths: Tensor | None = None
    carry_state: bool = False
    lr_factor: float = 1.0

    @property
    def tokens(self) -> int:
        """Number of targets without padding."""
        return len(self.target_index)

    def select_targets(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """The features and ids of the targets that are not padding.

        Args:
            features: of every step, (time, batch, features).

        Returns:
            (tokens, features) and (tokens,).
        """
        flat, targets = features.flatten(0, 1), self.targets.t().flatten()
        if self.tokens == len(targets):
            return flat, targets
        index = self.target_index
        return flat.index_select(0, index), targets.index_select(0, index)

    def to(self, device: torch.device) -> Self:
        """The same batch on a device; the copy is asynchronous."""
        return self.map(lambda part: part.to(device, non_blocking=True))

    def pin(self) -> Self:
        """The same batch in page-locked memory, for asynchronous copies to a GPU."""
        return self.map(Tensor.pin_memory)

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """The same batch with a function applied to every tensor."""
        parts = ((field.name, getattr(self, field.name)) for field in fields(self))
        changed: dict[str, Any] = {
            name: function(part) for name, part in parts if isinstance(part, Tensor)
        }
        return replace(self, **changed)


class ModelOutput(NamedTuple):
    """The outputs of a model for a batch.

    Attributes:
        features: inputs of the output layer, (time, batch, features).
        hidden: the same before dropout.
        state: after the batch, for the next one; None for a model that has none.
    """

    features: Tensor
    hidden: Tensor
    state: State | None


def target_positions(lengths: Tensor, time: int) -> Tensor:
    """Indices of the real steps of rows of these lengths, (batch,), in flat time-major order."""
    mask = torch.arange(time).unsqueeze(1) < lengths  # (time, batch)
    return mask.flatten().nonzero().squeeze(1)
