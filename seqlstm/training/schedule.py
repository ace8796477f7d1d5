"""Learning rate schedules, as pure functions of step and progress."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Shape = Literal["constant", "linear", "cosine", "inverse-square-root", "plateau"]


@dataclass(frozen=True)
class Schedule:
    """The factor of the learning rate: a linear warm-up times a decay.

    Attributes:
        shape: of the decay.
        warmup: number of steps over which the learning rate rises linearly.
        floor: final factor of linear and cosine decay.
        factor: by which a plateau schedule multiplies the learning rate at each reduction.
    """

    shape: Shape = "constant"
    warmup: int = 0
    floor: float = 0.0
    factor: float = 0.5

    def __call__(self, *, step: int, progress: float, reductions: int = 0) -> float:
        """The factor for one step.

        Args:
            step: number of steps before this one.
            progress: training progress, from 0 to 1.
            reductions: number of reductions so far, for a plateau schedule.
        """
        warm = min(1.0, (step + 1) / (self.warmup + 1))
        return warm * self.decay(step, progress, reductions)

    def decay(self, step: int, progress: float, reductions: int) -> float:
        match self.shape:
            case "linear":
                return self.floor + (1 - self.floor) * (1 - progress)
            case "cosine":
                return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * progress)) / 2
            case "inverse-square-root":
                return math.sqrt(self.warmup / max(step, self.warmup))
            case "plateau":
                return float(self.factor**reductions)
            case _:
                return 1.0
