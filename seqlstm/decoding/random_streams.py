"""Random sampling with a seed for each row."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqlstm.decoding.logits import inverse_transform_sampling

BLOCK = 256  # random numbers that a row generates at once
SEEDS = 2**63  # number of different seeds of a torch generator


class RandomStreams:
    """A `CategoricalSampler` with a random generator for each row.

    The samples of a row depend neither on the other rows nor on the device.

    Args:
        seeds: one integer for each row.
        device: of the logits.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        self.generators = [torch.Generator().manual_seed(seed % SEEDS) for seed in seeds]
        self.device = device
        self.unused = torch.empty(len(seeds), 0, device=device)  # random numbers

    def __call__(self, logits: Tensor) -> Tensor:
        """One token of each row, sampled from `softmax(logits)`: (rows,)."""
        if not self.unused.shape[1]:
            blocks = [torch.rand(BLOCK, generator=generator) for generator in self.generators]
            self.unused = torch.stack(blocks).to(self.device)
        uniform, self.unused = self.unused[:, 0], self.unused[:, 1:]
        return inverse_transform_sampling(logits, uniform)

    def keep(self, rows: Sequence[int]) -> None:
        """Remove all rows but these."""
        self.generators = [self.generators[row] for row in rows]
        self.unused = self.unused[rows]
