"""Random sampling with a seed for each row."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqlstm.decoding.logits import draw_at

BLOCK = 256  # random numbers that a row generates at once

SEEDS = 2**63  # seeds of a generator


class RandomStreams:
    """Samples a token for every row by random numbers from the row's own seed.

    The samples of a row depend neither on the other rows nor on the device.

    Args:
        seeds: one integer for each row.
        device: of the logits.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        self.generators = [torch.Generator().manual_seed(seed % SEEDS) for seed in seeds]
        self.device = device
        self.numbers = torch.empty(len(seeds), 0, device=device)  # not yet used

    def __call__(self, logits: Tensor) -> Tensor:
        """One token of each row, sampled from `softmax(logits)`: (rows,)."""
        if not self.numbers.shape[1]:
            blocks = [torch.rand(BLOCK, generator=generator) for generator in self.generators]
            self.numbers = torch.stack(blocks).to(self.device)
        uniform, self.numbers = self.numbers[:, 0], self.numbers[:, 1:]
        return draw_at(logits, uniform)

    def keep(self, rows: Sequence[int]) -> None:
        """Keep these rows alone."""
        self.generators = [self.generators[row] for row in rows]
        self.numbers = self.numbers[rows]
