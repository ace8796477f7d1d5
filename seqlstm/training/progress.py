"""What a training run plans, counts and reports."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

HIGHER_IS_BETTER = {
    "loss": False,
    "bits_per_byte": False,
    "bleu": True,
    "chrf": True,
    "accuracy": True,
}


@dataclass(frozen=True)
class TrainingPlan:
    """When things happen. `None`: never. The first of steps, epochs and minutes reached ends it."""

    steps: int | None = None
    epochs: int | None = None
    minutes: float | None = None
    learning_rate: float = 1e-3
    max_grad_norm: float | None = None
    gradient_accumulation: int = 1
    validate_every: int | None = None
    save_every: int = 500
    patience: int | None = None
    metric: str = "loss"
    plateau_patience: int | None = None

    def cost(self, value: float) -> float:
        """A value of the metric, turned so that less is better."""
        return -value if HIGHER_IS_BETTER[self.metric] else value


@dataclass
class Progress:
    """What the loop counts, kept in the checkpoint.

    Attributes:
        step: updates done.
        seconds: of the clock, spent in training, validation and saving.
        tokens: target tokens seen.
        best: the best value of the metric so far.
        best_step: when that was.
        stale: validations since.
        plateau: validations without a better one since the rate was last reduced.
        reductions: of the rate, by a plateau schedule.
    """

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    best: float | None = None
    best_step: int = 0
    stale: int = 0
    plateau: int = 0
    reductions: int = 0

    def judge(self, value: float, plan: TrainingPlan) -> bool:
        """Whether a validation's value is the best so far; counts those that are not."""
        better = self.best is None or plan.cost(value) < plan.cost(self.best)
        if math.isfinite(value) and better:
            self.best, self.best_step = value, self.step
            self.stale = self.plateau = 0
            return True
        self.stale += 1
        self.plateau += 1
        if plan.plateau_patience and self.plateau >= plan.plateau_patience:
            self.reductions += 1
            self.plateau = 0
        return False


@dataclass(frozen=True)
class TrainingReport:
    """What happened. `kind`: step, validation, saved or end."""

    kind: str
    step: int
    epochs: float
    seconds: float
    done: float
    values: dict[str, float] = field(default_factory=dict)
    best: bool = False
    reason: str | None = None
