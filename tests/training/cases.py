"""A quadratic model, repeated batches, and a checkpoint store in memory, for tests of the loop."""

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


def make_batch(tokens: int, *, carry_state: bool = False) -> Batch:
    ids = torch.zeros(1, tokens, dtype=torch.long)
    return Batch(
        inputs=ids, targets=ids, target_index=torch.arange(tokens), carry_state=carry_state
    )


class RepeatedBatches:
    """An endless repetition of the same batches."""

    def __init__(self, *batches: Batch) -> None:
        self.batches = batches
        self.position = 0

    @property
    def epochs(self) -> float:
        return self.position / len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        while True:
            batch = self.batches[self.position % len(self.batches)]
            self.position += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        return {"position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.position = state["position"]


class Quadratic(nn.Module):
    """The loss per token is half the squared norm of four weights.

    A step of SGD multiplies the weights by 1 − learning rate. Records the mode and the state of
    each call.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 2))
        self.modes: list[bool] = []
        self.states: list[State | None] = []

    @staticmethod
    def objective(
        model: Any, batch: Batch, state: State | None
    ) -> tuple[Tensor, int, State | None]:
        result: tuple[Tensor, int, State | None] = model(batch, state)
        return result

    def forward(self, batch: Batch, state: State | None) -> tuple[Tensor, int, State]:
        self.modes.append(self.training)
        self.states.append(state)
        after = (self.weight.sum() + len(self.states),)
        return batch.tokens * self.token_loss(), batch.tokens, after

    def token_loss(self) -> Tensor:
        return self.weight.square().sum() / 2


class MemoryStore:
    """A checkpoint store in memory: weights by name, and every checkpoint as bytes."""

    def __init__(self) -> None:
        self.weights: dict[str, tuple[int, Weights]] = {}
        self.checkpoints: list[bytes] = []

    def save_weights(self, name: str, weights: Weights, *, step: int) -> None:
        self.weights[name] = (step, weights)

    def save_checkpoint(self, contents: dict[str, Any]) -> None:
        buffer = io.BytesIO()
        torch.save(contents, buffer)
        self.checkpoints.append(buffer.getvalue())

    def checkpoint(self, number: int = -1) -> dict[str, Any]:
        contents: dict[str, Any] = torch.load(
            io.BytesIO(self.checkpoints[number]), weights_only=True
        )
        return contents


def make_loop(
    model: nn.Module,
    plan: TrainingPlan,
    *,
    batches: TrainingBatches | None = None,
    kind: str = "sgd",
    schedule: Schedule | None = None,
    average: NoAveraging | None = None,
    store: MemoryStore | None = None,
    compute_metrics: Callable[[], dict[str, float]] | None = None,
    objective: Objective = Quadratic.objective,
) -> TrainingLoop:
    """A loop; by default it trains a `Quadratic` on one batch of three tokens."""
    return TrainingLoop(
        model,
        batches or RepeatedBatches(make_batch(3)),
        objective=objective,
        optimizer=make_optimizer(model, kind=kind, learning_rate=plan.learning_rate),
        schedule=schedule or Schedule(),
        plan=plan,
        precision=FLOAT32,
        average=average or NoAveraging(),
        store=store or MemoryStore(),
        compute_metrics=compute_metrics,
    )


def reports_of_kind(reports: list[TrainingReport], kind: str) -> list[TrainingReport]:
    return [report for report in reports if report.kind == kind]
