"""Plan, progress and reports of a training run."""

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
    """When to stop, validate and save; None means never.

    Training ends at the first limit that it reaches: steps, epochs or minutes.
    """

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
        """The metric's value, negated if higher is better: lower cost is better."""
        return -value if HIGHER_IS_BETTER[self.metric] else value


@dataclass
class Progress:
    """Counters of the training loop, saved in the checkpoint.

    Attributes:
        step: number of updates.
        seconds: wall-clock time of training, validation and saving.
        tokens: number of target tokens trained on.
        best: best value of the metric.
        best_step: the step of the best value.
        stale: validations since the best value.
        plateau: validations since the best value or the last reduction of the learning rate.
        reductions: how often a plateau schedule has reduced the learning rate.
    """

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    best: float | None = None
    best_step: int = 0
    stale: int = 0
    plateau: int = 0
    reductions: int = 0

    def update_best(self, value: float, plan: TrainingPlan) -> bool:
        """Update the counters with a validation's value; whether it is the best so far."""
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
    """One event of the loop; `kind` is step, validation, checkpoint or end."""

    kind: str
    step: int
    epochs: float
    seconds: float
    done: float
    values: dict[str, float] = field(default_factory=dict)
    best: bool = False
    reason: str | None = None
