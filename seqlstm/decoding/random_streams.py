"""Draws for rows that have a seed each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqlstm.decoding.logits import draw_at

AHEAD = 256  # numbers of a row that are drawn at once

SEEDS = 2**63  # that a generator knows


class RandomStreams:
    """Draws a token for every row by numbers of the row's own seed.

    So what a row draws depends neither on the other rows nor on the device.

    Args:
        seeds: of the rows, any integers.
        device: of the logits.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        self.generators = [torch.Generator().manual_seed(seed % SEEDS) for seed in seeds]
        self.device = device
        self.numbers = torch.empty(len(seeds), 0, device=device)  # drawn and not yet used

    def __call__(self, logits: Tensor) -> Tensor:
        """One token of each row, drawn with the probabilities `softmax(logits)`: (rows,)."""
        if not self.numbers.shape[1]:
            drawn = [torch.rand(AHEAD, generator=generator) for generator in self.generators]
            self.numbers = torch.stack(drawn).to(self.device)
        now, self.numbers = self.numbers[:, 0], self.numbers[:, 1:]
        return draw_at(logits, now)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows alone."""
        self.generators = [self.generators[row] for row in rows]
        self.numbers = self.numbers[rows]
