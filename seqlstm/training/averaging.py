"""Averages of the weights along the way, which often serve better than the last."""

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
    """Weights for use: here, simply the model's own."""

    def after_step(self, model: nn.Module) -> None:
        """See the weights after a step."""

    def before_validation(self, model: nn.Module) -> None:
        """See the weights before a validation."""

    def after_validation(self, value: float) -> None:
        """See what a validation of the weights for use found; less is better."""

    def weights(self) -> Weights | None:
        """The average, or None while the model's own weights are to be used."""
        return None

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        assert not state

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """The model with the averaged weights in place of its own."""
        average = self.weights()
        if average is None:
            yield
            return
        own = weights_of(model)
        set_weights(model, average)
        try:
            yield
        finally:
            set_weights(model, own)


class ExponentialAveraging(NoAveraging):
    """After every step, a · average + (1 − a) · weights (Polyak & Juditsky, 1992).

    `a` grows to `decay` as (1 + step) / (10 + step), so that the start is soon forgotten.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.average: Weights = {}

    def after_step(self, model: nn.Module) -> None:
        own = dict(model.named_parameters())
        if not self.average:
            self.average = weights_of(model)
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            torch._foreach_lerp_(
                [self.average[name] for name in own], list(own.values()), 1 - decay
            )

    def weights(self) -> Weights | None:
        return self.average or None

    def state_dict(self) -> dict[str, Any]:
        return {"average": self.average, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.average, self.steps = state["average"], state["steps"]


class CheckpointAveraging(NoAveraging):
    """The mean of the weights at the last validations."""

    def __init__(self, checkpoints: int) -> None:
        self.checkpoints = checkpoints
        self.kept: list[Weights] = []

    def before_validation(self, model: nn.Module) -> None:
        self.kept = [*self.kept, weights_of(model)][-self.checkpoints :]

    def weights(self) -> Weights | None:
        if not self.kept:
            return None
        return {
            name: torch.stack([weights[name] for weights in self.kept]).mean(0)
            for name in self.kept[0]
        }

    def state_dict(self) -> dict[str, Any]:
        return {"kept": self.kept}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.kept = state["kept"]


class TriggeredAveraging(NoAveraging):
    """The mean of the weights after every step since validations stopped to improve.

    NT-ASGD (Merity, Keskar & Socher, 2018, algorithm 1) where the steps are those of SGD at a
    constant rate: the mean begins after the first validation that is worse than the best of all but
    the `patience` before it.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.values: list[float] = []
        self.begun = False
        self.steps = 0
        self.average: Weights = {}

    def after_validation(self, value: float) -> None:
        older = self.values[: -self.patience]
        self.begun = self.begun or (bool(older) and not value <= min(older))
        self.values.append(value if math.isfinite(value) else math.inf)

    def after_step(self, model: nn.Module) -> None:
        if not self.begun:
            return
        if not self.average:
            self.average = weights_of(model)
        self.steps += 1
        own = dict(model.named_parameters())
        with torch.no_grad():
            torch._foreach_lerp_(
                [self.average[name] for name in own], list(own.values()), 1 / self.steps
            )

    def weights(self) -> Weights | None:
        return self.average or None

    def state_dict(self) -> dict[str, Any]:
        kept = ("values", "begun", "steps", "average")
        return {name: getattr(self, name) for name in kept}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.values, self.begun = list(state["values"]), state["begun"]
        self.steps, self.average = state["steps"], state["average"]
