"""What is drawn at random: masks, and what stays for a sequence, also where it is run by steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

from seqlstm.kernels.bernoulli import bernoulli


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


def dropout(inputs: Tensor, probability: float) -> Tensor:
    """As torch's, whose mask comes from one thread of a CPU."""
    if inputs.device.type != "cpu":
        return nn.functional.dropout(inputs, probability)
    return inputs * dropout_mask(inputs, inputs.shape, probability)


def dropout_mask(like: Tensor, shape: Sequence[int], probability: float) -> Tensor:
    """Zeros with this probability, else what keeps the mean at 1; of the type of `like`."""
    share = 1 - probability
    return bernoulli(like, shape, share, 1 / share)
