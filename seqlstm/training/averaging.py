"""Averaging of the weights over training steps, for validation and use."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from seqlstm.runtime.files import Weights
from seqlstm.training.weights import set_weights, weights_of


class NoAveraging:
    """The base of all averages. By itself it averages nothing: the model's own weights are used."""

    def after_step(self, model: nn.Module) -> None:
        """Update the average with the weights after a step."""

    def before_validation(self, model: nn.Module) -> None:
        """Update the average with the weights before a validation."""

    def after_validation(self, cost: float) -> None:
        """Observe a validation's metric as a cost; lower is better."""

    def weights(self) -> Weights | None:
        """The averaged weights; None while there is no average yet."""
        return None

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        assert not state

    @contextmanager
    def apply_to(self, model: nn.Module) -> Iterator[None]:
        """Replace the model's weights by the average while inside."""
        average = self.weights()
        if average is None:
            yield
            return
        original = weights_of(model)
        set_weights(model, average)
        try:
            yield
        finally:
            set_weights(model, original)


class RunningAverage(NoAveraging):
    """An average that is updated in place, average ← average + weight · (parameters − average)."""

    def __init__(self) -> None:
        self.steps = 0
        self.average: Weights = {}

    def update(self, model: nn.Module, weight: float) -> None:
        parameters = dict(model.named_parameters())
        if not self.average:
            self.average = weights_of(model)
        with torch.no_grad():
            torch._foreach_lerp_(
                [self.average[name] for name in parameters], list(parameters.values()), weight
            )

    def weights(self) -> Weights | None:
        return self.average or None


class ExponentialAveraging(RunningAverage):
    """Exponential moving average of the weights, updated after every step.

    average ← a · average + (1 − a) · weights, a = min(decay, (1 + step) / (10 + step)): the growing
    `a` makes the average forget the first steps quickly. On averages of weights: Polyak & Juditsky
    (1992).
    """

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay = decay

    def after_step(self, model: nn.Module) -> None:
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.update(model, 1 - decay)

    def state_dict(self) -> dict[str, Any]:
        return {"average": self.average, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.average, self.steps = state["average"], state["steps"]


class CheckpointAveraging(NoAveraging):
    """The mean of the weights at the last validations."""

    def __init__(self, checkpoints: int) -> None:
        self.checkpoints = checkpoints
        self.snapshots: list[Weights] = []

    def before_validation(self, model: nn.Module) -> None:
        self.snapshots = [*self.snapshots, weights_of(model)][-self.checkpoints :]

    def weights(self) -> Weights | None:
        if not self.snapshots:
            return None
        return {
            name: torch.stack([weights[name] for weights in self.snapshots]).mean(0)
            for name in self.snapshots[0]
        }

    def state_dict(self) -> dict[str, Any]:
        return {"kept": self.snapshots}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.snapshots = state["kept"]


class TriggeredAveraging(RunningAverage):
    """The mean of the weights after every step since validations stopped improving.

    NT-ASGD (Merity, Keskar & Socher, 2018, algorithm 1) with SGD at a constant learning rate.
    A validation triggers it if its cost is NaN or above the lowest cost of all earlier validations
    except the last `patience`.
    """

    def __init__(self, patience: int) -> None:
        super().__init__()
        self.patience = patience
        self.costs: list[float] = []
        self.triggered = False

    def after_validation(self, cost: float) -> None:
        older = self.costs[: -self.patience]
        self.triggered = self.triggered or (bool(older) and not cost <= min(older))
        self.costs.append(cost if math.isfinite(cost) else math.inf)

    def after_step(self, model: nn.Module) -> None:
        if self.triggered:
            self.steps += 1
            self.update(model, 1 / self.steps)

    def state_dict(self) -> dict[str, Any]:
        return {
            "values": self.costs,
            "begun": self.triggered,
            "steps": self.steps,
            "average": self.average,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.costs, self.triggered = list(state["values"]), state["begun"]
        self.steps, self.average = state["steps"], state["average"]
