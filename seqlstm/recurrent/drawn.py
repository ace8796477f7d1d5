"""What is drawn at random once a sequence, also where a sequence is run step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn


class Drawn(nn.Module):
    """A module that draws something for each sequence, and takes each call for a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Tensor] | None = None

    def drawn(self, draw: Callable[[], Tensor]) -> Tensor:
        """What `draw` gives; inside `one_sequence`, what it gave first."""
        if self.held is None:
            return draw()
        if not self.held:
            self.held.append(draw())
        return self.held[0]


@contextmanager
def one_sequence(module: nn.Module) -> Iterator[None]:
    """Inside, all calls of the parts of `module` are steps of one sequence."""
    parts = [part for part in module.modules() if isinstance(part, Drawn)]
    for part in parts:
        part.held = []
    try:
        yield
    finally:
        for part in parts:
            part.held = None
