"""The learning rate, as a pure function."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Shape = Literal["constant", "linear", "cosine", "inverse-square-root", "plateau"]


@dataclass(frozen=True)
class Schedule:
    """What the full rate is multiplied by.

    Attributes:
        shape: what follows the warm-up.
        warmup: steps over which the rate rises in a straight line.
        floor: share of the full rate that linear and cosine end at.
        factor: what a plateau multiplies the rate by.
    """

    shape: Shape = "constant"
    warmup: int = 0
    floor: float = 0.0
    factor: float = 0.5

    def __call__(self, *, step: int, progress: float, stale: int = 0) -> float:
        """The multiple for one step.

        Args:
            step: steps done before this one.
            progress: the share of the training that is done, from 0 to 1.
            stale: reductions so far, of a plateau.
        """
        warm = min(1.0, (step + 1) / (self.warmup + 1))
        return warm * self.decay(step, progress, stale)

    def decay(self, step: int, progress: float, stale: int) -> float:
        match self.shape:
            case "linear":
                return self.floor + (1 - self.floor) * (1 - progress)
            case "cosine":
                return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * progress)) / 2
            case "inverse-square-root":
                return math.sqrt(self.warmup / max(step, self.warmup))
            case "plateau":
                return float(self.factor**stale)
            case _:
                return 1.0
