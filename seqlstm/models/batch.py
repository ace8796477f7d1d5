"""What a model eats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Target ids, each to be told from those before it, and, for a translator, their sources.

    A batch carries what its loss needs, so that no model masks by data-dependent shapes.

    Attributes:
        inputs: what the model reads, (batch, time).
        targets: what it is to say at each of these steps, (batch, time).
        real: where the real targets stand in the time-major (time, batch) flattened, (tokens,).
        lengths: real steps of each row, (batch,); None when every row is full.
        resets: true where a row starts afresh, (batch, time); None when none does.
        source: ids to be translated, (batch, source time); None for a language model.
        source_lengths: real ids of each source, (batch,).
        follows: the rows go on where those of the batch before ended, so its last state is theirs.
        rate: what the learning rate is multiplied by when it is learned from.
    """

    inputs: Tensor
    targets: Tensor
    real: Tensor
    lengths: Tensor | None = None
    resets: Tensor | None = None
    source: Tensor | None = None
    source_lengths: Tensor | None = None
    follows: bool = False
    rate: float = 1.0

    @property
    def tokens(self) -> int:
        """How many real targets there are."""
        return len(self.real)

    def to(self, device: torch.device) -> Self:
        """The same batch elsewhere, without waiting for the copy."""
        return self.map(lambda part: part.to(device, non_blocking=True))

    def pin(self) -> Self:
        """The same batch in page-locked memory, from where a GPU copies while others compute."""
        return self.map(Tensor.pin_memory)

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """The same batch with every tensor replaced."""
        parts = ((field.name, getattr(self, field.name)) for field in fields(self))
        changed: dict[str, Any] = {
            name: function(part) for name, part in parts if isinstance(part, Tensor)
        }
        return replace(self, **changed)


def real_positions(lengths: Tensor, time: int) -> Tensor:
    """Indices of the real steps of rows of these lengths, (batch,), in flat time-major order."""
    mask = torch.arange(time).unsqueeze(1) < lengths  # (time, batch)
    return mask.flatten().nonzero().squeeze(1)
