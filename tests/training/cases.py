"""A model of one spring, batches that repeat, and a shelf in place of a run folder."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from seqlstm.models.batch import Batch
from seqlstm.recurrent.state import State
from seqlstm.runtime.files import Weights
from seqlstm.training.averaging import NoAveraging
from seqlstm.training.loop import TrainingBatches, TrainingLoop
from seqlstm.training.objectives.base import Objective
from seqlstm.training.optimizer import make_optimizer
from seqlstm.training.progress import TrainingPlan, TrainingReport
from seqlstm.training.schedule import Schedule
from tests.tiny import FLOAT32


def batch_of(tokens: int, *, carry_state: bool = False) -> Batch:
    ids = torch.zeros(1, tokens, dtype=torch.long)
    return Batch(
        inputs=ids, targets=ids, target_index=torch.arange(tokens), carry_state=carry_state
    )


class Repeated:
    """The same batches again and again."""

    def __init__(self, *batches: Batch) -> None:
        self.batches = batches
        self.drawn = 0

    @property
    def epochs(self) -> float:
        return self.drawn / len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        while True:
            batch = self.batches[self.drawn % len(self.batches)]
            self.drawn += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        return {"drawn": self.drawn}

    def load_state_dict(self, position: dict[str, int]) -> None:
        self.drawn = position["drawn"]


class Spring(nn.Module):
    """Half the square of four weights, for each token: each step of SGD takes `rate` of them away.

    Keeps what it was called with.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 2))
        self.modes: list[bool] = []
        self.states: list[State | None] = []

    @staticmethod
    def loss(spring: Any, batch: Batch, state: State | None) -> tuple[Tensor, int, State | None]:
        """An objective."""
        result: tuple[Tensor, int, State | None] = spring(batch, state)
        return result

    def forward(self, batch: Batch, state: State | None) -> tuple[Tensor, int, State]:
        self.modes.append(self.training)
        self.states.append(state)
        after = (self.weight.sum() + len(self.states),)
        return batch.tokens * self.energy(), batch.tokens, after

    def energy(self) -> Tensor:
        return self.weight.square().sum() / 2


class Shelf:
    """Keeps weights by name, and every checkpoint as the bytes that a file would hold."""

    def __init__(self) -> None:
        self.weights: dict[str, tuple[int, Weights]] = {}
        self.checkpoints: list[bytes] = []

    def keep_weights(self, name: str, weights: Weights, *, step: int) -> None:
        self.weights[name] = (step, weights)

    def keep_checkpoint(self, contents: dict[str, Any]) -> None:
        buffer = io.BytesIO()
        torch.save(contents, buffer)
        self.checkpoints.append(buffer.getvalue())

    def checkpoint(self, number: int = -1) -> dict[str, Any]:
        contents: dict[str, Any] = torch.load(
            io.BytesIO(self.checkpoints[number]), weights_only=True
        )
        return contents


def loop_of(
    model: nn.Module,
    batches: TrainingBatches,
    plan: TrainingPlan,
    *,
    kind: str = "sgd",
    schedule: Schedule | None = None,
    average: NoAveraging | None = None,
    shelf: Shelf | None = None,
    validate: Callable[[], dict[str, float]] | None = None,
    objective: Objective = Spring.loss,
) -> TrainingLoop:
    return TrainingLoop(
        model,
        batches,
        objective=objective,
        optimizer=make_optimizer(model, kind=kind, learning_rate=plan.learning_rate),
        schedule=schedule or Schedule(),
        plan=plan,
        precision=FLOAT32,
        average=average or NoAveraging(),
        keeper=shelf or Shelf(),
        validate=validate,
    )


def of_kind(reports: list[TrainingReport], kind: str) -> list[TrainingReport]:
    return [report for report in reports if report.kind == kind]
