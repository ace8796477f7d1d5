"""Dropout: ordinary, and variational with one mask for a sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

from seqlstm.kernels.bernoulli import bernoulli


class FixedMask(nn.Module):
    """A module that draws something for each sequence, and takes each call for a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Tensor] | None = None

    def drawn(self, draw: Callable[[], Tensor]) -> Tensor:
        """What `draw` gives; inside `fixed_masks`, what it gave first."""
        if self.held is None:
            return draw()
        if not self.held:
            self.held.append(draw())
        return self.held[0]


@contextmanager
def fixed_masks(module: nn.Module) -> Iterator[None]:
    """Inside, all calls of the parts of `module` are steps of one sequence."""
    parts = [part for part in module.modules() if isinstance(part, FixedMask)]
    for part in parts:
        part.held = []
    try:
        yield
    finally:
        for part in parts:
            part.held = None


def dropout(inputs: Tensor, probability: float) -> Tensor:
    """As torch's, whose mask comes from one thread of a CPU."""
    if inputs.device.type != "cpu":
        return nn.functional.dropout(inputs, probability)
    return inputs * dropout_mask(inputs, inputs.shape, probability)


def dropout_mask(like: Tensor, shape: Sequence[int], probability: float) -> Tensor:
    """Zeros with this probability, else what keeps the mean at 1; of the type of `like`."""
    share = 1 - probability
    return bernoulli(like, shape, share, 1 / share)


class Dropout(FixedMask):
    """Dropout over (time, batch, features).

    Variational (Gal & Ghahramani, 2016): one mask for the whole sequence, which regularises a
    recurrent network better and costs one step's worth of random numbers. Ordinary: a new mask at
    every step.
    """

    def __init__(self, probability: float, *, variational: bool = True) -> None:
        super().__init__()
        if not 0 <= probability < 1:
            raise ValueError(f"dropout must be in [0, 1), was: {probability}")
        self.probability = probability
        self.variational = variational

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training or self.probability == 0:
            return inputs
        if not self.variational:
            return dropout(inputs, self.probability)
        shape = (1, *inputs.shape[1:])
        return inputs * self.drawn(lambda: dropout_mask(inputs, shape, self.probability))
