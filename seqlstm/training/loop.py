"""The training loop: draw, forward, backward, clip, step, validate, save.

It prints nothing: it yields reports, which a console, a log or a test consumes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from seqlstm.errors import DivergedError, TrainingError
from seqlstm.models.batch import Batch
from seqlstm.recurrent.state import State, detach
from seqlstm.runtime.device import Precision
from seqlstm.runtime.files import Weights
from seqlstm.runtime.memory import release_memory
from seqlstm.runtime.signals import StopRequest
from seqlstm.training.averaging import NoAveraging
from seqlstm.training.objectives.base import Objective
from seqlstm.training.optimizer import clip_gradients, gradient_norm, set_rate
from seqlstm.training.progress import Progress, TrainingPlan, TrainingReport
from seqlstm.training.random_state import generator_states, restore_generators
from seqlstm.training.schedule import Schedule
from seqlstm.training.weights import weights_of


class TrainingBatches(Protocol):
    """Training batches without end, at a position that can be kept."""

    @property
    def epochs(self) -> float: ...
    def __iter__(self) -> Iterator[Batch]: ...
    def state_dict(self) -> Any: ...
    def load_state_dict(self, position: Any) -> None: ...


class CheckpointStore(Protocol):
    """Where weights and checkpoints go."""

    def keep_weights(self, name: str, weights: Weights, *, step: int) -> None: ...
    def keep_checkpoint(self, contents: dict[str, Any]) -> None: ...


class TrainingLoop:
    """One training run, from wherever its checkpoint stands to its end.

    Args:
        model: to be trained.
        batches: to train on.
        objective: the loss of a batch; see `training/objectives`.
        optimizer: of the model's parameters.
        schedule: of the rate.
        plan: when to validate, save and end.
        precision: of the products.
        average: of the weights, for validation and use.
        keeper: where weights and checkpoints go.
        validate: measures the model; its values include the plan's metric.
    """

    def __init__(
        self,
        model: nn.Module,
        batches: TrainingBatches,
        *,
        objective: Objective,
        optimizer: Optimizer,
        schedule: Schedule,
        plan: TrainingPlan,
        precision: Precision,
        average: NoAveraging,
        keeper: CheckpointStore,
        validate: Callable[[], dict[str, float]] | None = None,
    ) -> None:
        self.model = model
        self.batches = batches
        self.objective = objective
        self.optimizer = optimizer
        self.schedule = schedule
        self.plan = plan
        self.precision = precision
        self.average = average
        self.keeper = keeper
        self.validate = validate
        self.progress = Progress()
        self.state: State | None = None
        self.began = 0.0

    def run(self, stop: StopRequest | None = None) -> Iterator[TrainingReport]:
        """Train to the end, or until asked to stop.

        Raises:
            DivergedError: a loss or gradient that is not finite, before it touches the weights.
            FileError: a checkpoint cannot be written.
        """
        self.began = time.monotonic() - self.progress.seconds
        drawn = iter(self.batches)
        while not stop and self.end() is None:
            yield self.report("step", self.step(drawn))
            best = False
            if self.due(self.plan.validate_every):
                validation = self.validated()
                best = validation.best
                yield validation
            # With the best weights goes the checkpoint that knows of them.
            if (best or self.due(self.plan.save_every)) and self.end() is None:
                yield self.saved()
        reason = self.end()
        if reason and self.plan.validate_every and not self.due(self.plan.validate_every):
            yield self.validated()
        yield self.saved()
        yield self.report("end", reason=reason or f"stopped by {stop.signal if stop else None}")

    def due(self, every: int | None) -> bool:
        return bool(every) and self.progress.step % (every or 1) == 0

    def step(self, drawn: Iterator[Batch]) -> dict[str, float]:
        """One update, from as many batches as are accumulated."""
        begin = time.monotonic()
        self.model.train()
        rate = self.plan.learning_rate * self.schedule(
            step=self.progress.step, progress=self.done(), stale=self.progress.reductions
        )
        batches = list(islice(drawn, self.plan.gradient_accumulation))
        rate *= sum(batch.lr_factor for batch in batches) / len(batches)
        set_rate(self.optimizer, rate)
        tokens = sum(batch.tokens for batch in batches)
        try:
            losses = [self.backward(batch, tokens) for batch in batches]
        except torch.cuda.OutOfMemoryError as error:
            raise TrainingError(
                f"step {self.progress.step + 1}: the GPU's memory is full",
                hint="Lower data.batching.max_tokens, or batch_size and bptt; "
                "training.gradient_accumulation makes up.",
            ) from error
        gradient = gradient_norm(self.model.parameters())
        # The one moment of a step at which the CPU waits for a GPU.
        loss, norm = torch.stack([torch.stack(losses).sum(), gradient]).tolist()
        self.check(loss, norm)
        if self.plan.max_grad_norm:
            clip_gradients(self.optimizer, norm, self.plan.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.after_step(self.model)
        self.progress.step += 1
        self.progress.tokens += tokens
        speed = tokens / (time.monotonic() - begin)
        return {
            "loss": loss,
            "learning_rate": rate,
            "gradient_norm": norm,
            "tokens": tokens,
            "tokens_per_second": speed,
        }

    def backward(self, batch: Batch, tokens: int) -> Tensor:
        """Gradients of the loss, as a share of `tokens`: accumulation changes nothing."""
        if self.precision.device.type == "cuda":
            batch = batch.pin()  # so that the copy overlaps what the GPU is doing
        batch = batch.to(self.precision.device)
        state = self.state if batch.carry_state else None
        with self.precision.autocast():
            loss, _, state = self.objective(self.model, batch, state)
        self.state = None if state is None else detach(state)
        share: Tensor = loss / tokens
        share.backward()  # type: ignore[no-untyped-call]
        return share.detach()

    def check(self, loss: float, norm: float) -> None:
        if math.isfinite(loss) and math.isfinite(norm):
            return
        raise DivergedError(
            f"step {self.progress.step + 1}: loss {loss}, gradient norm {norm}: not finite",
            hint="The last checkpoint is intact. Try a lower training.optimizer.learning_rate, "
            "more schedule.warmup_steps, a smaller training.max_grad_norm, or precision=float32.",
        )

    def done(self) -> float:
        """The share of the training that is done, from 0 to 1, by whichever end is nearest."""
        plan, progress = self.plan, self.progress
        shares = [
            progress.step / plan.steps if plan.steps else 0.0,
            self.batches.epochs / plan.epochs if plan.epochs else 0.0,
            progress.seconds / (60 * plan.minutes) if plan.minutes else 0.0,
        ]
        return min(1.0, max(shares))

    def end(self) -> str | None:
        """Why the training is over, if it is."""
        if self.plan.patience and self.progress.stale >= self.plan.patience:
            return f"no better {self.plan.metric} in {self.plan.patience} validations"
        return "as planned" if self.done() >= 1 else None

    def validated(self) -> TrainingReport:
        """Measure the weights for use, and keep them if they are the best so far."""
        assert self.validate is not None
        self.average.before_validation(self.model)
        with self.average.applied(self.model):
            self.model.eval()
            with torch.no_grad(), self.precision.autocast():
                values = self.validate()
            measured = values[self.plan.metric]
            best = self.progress.judge(measured, self.plan)
            if best:
                self.keeper.keep_weights("best", weights_of(self.model), step=self.progress.step)
        self.average.after_validation(self.plan.cost(measured))
        release_memory()
        return self.report("validation", values, best=best)

    def saved(self) -> TrainingReport:
        self.progress.seconds = time.monotonic() - self.began
        with self.average.applied(self.model):
            self.keeper.keep_weights("last", weights_of(self.model), step=self.progress.step)
        self.keeper.keep_checkpoint(self.state_dict())
        release_memory()
        return self.report("saved")

    def report(
        self,
        kind: str,
        values: dict[str, float] | None = None,
        *,
        best: bool = False,
        reason: str | None = None,
    ) -> TrainingReport:
        self.progress.seconds = time.monotonic() - self.began
        return TrainingReport(
            kind=kind,
            step=self.progress.step,
            epochs=self.batches.epochs,
            seconds=self.progress.seconds,
            done=self.done(),
            values=values or {},
            best=best,
            reason=reason,
        )

    def state_dict(self) -> dict[str, Any]:
        """All that the rest of the run depends on."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "batches": dict(self.batches.state_dict()),
            "average": self.average.state_dict(),
            "progress": asdict(self.progress),
            "state": self.state,
            "generators": generator_states(self.precision.device),
        }

    def load_state_dict(self, contents: dict[str, Any]) -> None:
        device = self.precision.device
        self.model.load_state_dict(contents["model"])
        self.optimizer.load_state_dict(contents["optimizer"])
        self.batches.load_state_dict(contents["batches"])
        self.average.load_state_dict(to_device(contents["average"], device))
        self.progress = Progress(**contents["progress"])
        self.state = to_device(contents["state"], device)
        restore_generators(contents["generators"], device)


def to_device(value: Any, device: torch.device) -> Any:
    """Every tensor inside nested tuples, lists and tables, on the device."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: to_device(part, device) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(to_device(part, device) for part in value)
    return value
