"""Dropout masks: one for each step, or one for a whole sequence (variational)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

from seqlstm.kernels.bernoulli import bernoulli


class FixedMask(nn.Module):
    """Base of modules that sample a mask for each sequence; a call is a whole sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.masks: list[Tensor] | None = None

    def mask(self, sample: Callable[[], Tensor]) -> Tensor:
        """A new mask, `sample()`; inside `fixed_masks` always the first one."""
        if self.masks is None:
            return sample()
        if not self.masks:
            self.masks.append(sample())
        return self.masks[0]


@contextmanager
def fixed_masks(module: nn.Module) -> Iterator[None]:
    """Keep the masks of all parts of `module`: its calls are the steps of one sequence."""
    parts = [part for part in module.modules() if isinstance(part, FixedMask)]
    for part in parts:
        part.masks = []
    try:
        yield
    finally:
        for part in parts:
            part.masks = None


def dropout(inputs: Tensor, probability: float) -> Tensor:
    """Dropout; on a CPU faster than torch's, which samples the mask on one thread."""
    if inputs.device.type != "cpu":
        return nn.functional.dropout(inputs, probability)
    return inputs * dropout_mask(inputs, inputs.shape, probability)


def dropout_mask(like: Tensor, shape: Sequence[int], probability: float) -> Tensor:
    """Zeros with this probability, else 1 / (1 − probability); of the type of `like`."""
    keep = 1 - probability
    return bernoulli(like, shape, keep, 1 / keep)


def bernoulli_mask(like: Tensor, shape: Sequence[int], probability: float) -> Tensor:
    """Ones with this probability, else zeros; of the type of `like`."""
    return bernoulli(like, shape, probability, 1)


class Dropout(FixedMask):
    """Dropout over (time, batch, features).

    Variational dropout (Gal & Ghahramani, 2016) has one mask for the whole sequence: it regularizes
    a recurrent network better and needs random numbers for one step only. Ordinary dropout has a
    new mask at every step.
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
        return inputs * self.mask(lambda: dropout_mask(inputs, shape, self.probability))
