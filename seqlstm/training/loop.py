"""The training loop: forward, backward, clip, step, validate, save.

It prints nothing: it yields reports for the console, the log and tests.
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
from seqlstm.runtime.device import Precision, to_device
from seqlstm.runtime.files import Weights
from seqlstm.runtime.memory import release_memory
from seqlstm.runtime.signals import StopRequest
from seqlstm.training.averaging import NoAveraging
from seqlstm.training.objectives.base import Objective
from seqlstm.training.optimizer import clip_gradients, gradient_norm, set_learning_rate
from seqlstm.training.progress import Progress, TrainingPlan, TrainingReport
from seqlstm.training.random_state import generator_states, restore_generators
from seqlstm.training.schedule import Schedule
from seqlstm.training.weights import weights_of


class TrainingBatches(Protocol):
    """An endless iterator of training batches, whose position a checkpoint can hold."""

    @property
    def epochs(self) -> float: ...
    def __iter__(self) -> Iterator[Batch]: ...
    def state_dict(self) -> Any: ...
    def load_state_dict(self, position: Any) -> None: ...


class CheckpointStore(Protocol):
    """The place where the loop saves weights and checkpoints."""

    def save_weights(self, name: str, weights: Weights, *, step: int) -> None: ...
    def save_checkpoint(self, contents: dict[str, Any]) -> None: ...


class TrainingLoop:
    """One training run, from its first step or a checkpoint to its end.

    Args:
        model: the model to train.
        batches: the training batches.
        objective: the loss of a batch; see `training/objectives`.
        optimizer: the optimizer of the model's parameters.
        schedule: the schedule of the learning rate.
        plan: when to validate, save and end.
        precision: the precision of matrix products.
        average: the average of the weights, for validation and use.
        store: where to save weights and checkpoints.
        compute_metrics: evaluates the model on the validation data; its metrics include that of
            the plan.
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
        store: CheckpointStore,
        compute_metrics: Callable[[], dict[str, float]] | None = None,
    ) -> None:
        self.model = model
        self.batches = batches
        self.objective = objective
        self.optimizer = optimizer
        self.schedule = schedule
        self.plan = plan
        self.precision = precision
        self.average = average
        self.store = store
        self.compute_metrics = compute_metrics
        self.progress = Progress()
        self.state: State | None = None
        self.start_time = 0.0

    def run(self, stop: StopRequest | None = None) -> Iterator[TrainingReport]:
        """Train to the end, or until a stop is requested.

        Raises:
            DivergedError: a loss or gradient is not finite; the weights are those before the step.
            FileError: a checkpoint cannot be written.
        """
        self.start_time = time.monotonic() - self.progress.seconds
        batches = iter(self.batches)
        while not stop and self.end_reason() is None:
            yield self.report("step", self.step(batches))
            best = False
            if self.is_due(self.plan.validate_every):
                validation = self.validate()
                best = validation.best
                yield validation
            # New best weights need a checkpoint that records their metric.
            if (best or self.is_due(self.plan.save_every)) and self.end_reason() is None:
                yield self.save()
        reason = self.end_reason()
        if reason and self.plan.validate_every and not self.is_due(self.plan.validate_every):
            yield self.validate()
        yield self.save()
        yield self.report("end", reason=reason or f"stopped by {stop.signal if stop else None}")

    def is_due(self, interval: int | None) -> bool:
        """Whether this step is a multiple of the interval; never for None."""
        return bool(interval) and self.progress.step % (interval or 1) == 0

    def step(self, batches: Iterator[Batch]) -> dict[str, float]:
        """One update of the weights, with gradients accumulated over one or more batches."""
        begin = time.monotonic()
        self.model.train()
        learning_rate = self.scheduled_learning_rate()  # before the batches: reading advances them
        micro_batches = list(islice(batches, self.plan.gradient_accumulation))
        learning_rate *= sum(batch.lr_factor for batch in micro_batches) / len(micro_batches)
        set_learning_rate(self.optimizer, learning_rate)
        tokens = sum(batch.tokens for batch in micro_batches)
        try:
            losses = [self.backward(batch, tokens) for batch in micro_batches]
        except torch.cuda.OutOfMemoryError as error:
            raise TrainingError(
                f"step {self.progress.step + 1}: the GPU's memory is full",
                hint="Lower data.batching.max_tokens, or batch_size and bptt; "
                "training.gradient_accumulation makes up.",
            ) from error
        total_loss, total_norm = torch.stack(losses).sum(), gradient_norm(self.model.parameters())
        # The only point of a step where the CPU waits for a GPU.
        loss, norm = torch.stack([total_loss, total_norm]).tolist()
        self.check_finite(loss, norm)
        if self.plan.max_grad_norm:
            clip_gradients(self.optimizer, norm, self.plan.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.after_step(self.model)
        self.progress.step += 1
        self.progress.tokens += tokens
        return {
            "loss": loss,
            "learning_rate": learning_rate,
            "gradient_norm": norm,
            "tokens": tokens,
            "tokens_per_second": tokens / (time.monotonic() - begin),
        }

    def scheduled_learning_rate(self) -> float:
        return self.plan.learning_rate * self.schedule(
            step=self.progress.step,
            progress=self.fraction_done(),
            reductions=self.progress.reductions,
        )

    def backward(self, batch: Batch, tokens: int) -> Tensor:
        """Add the gradients of a batch's loss over `tokens`, those of all batches of the step."""
        if self.precision.device.type == "cuda":
            batch = batch.pin()  # pinned memory: the copy overlaps the GPU's work
        batch = batch.to(self.precision.device)
        state = self.state if batch.carry_state else None
        with self.precision.autocast():
            loss, _, state = self.objective(self.model, batch, state)
        self.state = None if state is None else detach(state)
        loss_per_token: Tensor = loss / tokens
        loss_per_token.backward()  # type: ignore[no-untyped-call]
        return loss_per_token.detach()

    def check_finite(self, loss: float, norm: float) -> None:
        """Raise a `DivergedError` for a loss or gradient norm that is infinite or NaN."""
        if math.isfinite(loss) and math.isfinite(norm):
            return
        raise DivergedError(
            f"step {self.progress.step + 1}: loss {loss}, gradient norm {norm}: not finite",
            hint="The last checkpoint is intact. Try a lower training.optimizer.learning_rate, "
            "more schedule.warmup_steps, a smaller training.max_grad_norm, or precision=float32.",
        )

    def fraction_done(self) -> float:
        """Training progress from 0 to 1, by the limit of steps, epochs or minutes nearest to it."""
        plan, progress = self.plan, self.progress
        fractions = [
            progress.step / plan.steps if plan.steps else 0.0,
            self.batches.epochs / plan.epochs if plan.epochs else 0.0,
            progress.seconds / (60 * plan.minutes) if plan.minutes else 0.0,
        ]
        return min(1.0, max(fractions))

    def end_reason(self) -> str | None:
        """Why training is over; None while it is not."""
        if self.plan.patience and self.progress.stale >= self.plan.patience:
            return f"no better {self.plan.metric} in {self.plan.patience} validations"
        return "as planned" if self.fraction_done() >= 1 else None

    def validate(self) -> TrainingReport:
        """Evaluate the averaged weights; save them if they are the best so far."""
        assert self.compute_metrics is not None
        self.average.before_validation(self.model)
        with self.average.apply_to(self.model):
            self.model.eval()
            with torch.no_grad(), self.precision.autocast():
                metrics = self.compute_metrics()
            value = metrics[self.plan.metric]
            best = self.progress.update_best(value, self.plan)
            if best:
                self.store.save_weights("best", weights_of(self.model), step=self.progress.step)
        self.average.after_validation(self.plan.cost(value))
        release_memory()
        return self.report("validation", metrics, best=best)

    def save(self) -> TrainingReport:
        """Save the averaged weights as `last`, and a checkpoint."""
        self.progress.seconds = time.monotonic() - self.start_time
        with self.average.apply_to(self.model):
            self.store.save_weights("last", weights_of(self.model), step=self.progress.step)
        self.store.save_checkpoint(self.state_dict())
        release_memory()
        return self.report("checkpoint")

    def report(
        self,
        kind: str,
        values: dict[str, float] | None = None,
        *,
        best: bool = False,
        reason: str | None = None,
    ) -> TrainingReport:
        self.progress.seconds = time.monotonic() - self.start_time
        return TrainingReport(
            kind=kind,
            step=self.progress.step,
            epochs=self.batches.epochs,
            seconds=self.progress.seconds,
            done=self.fraction_done(),
            values=values or {},
            best=best,
            reason=reason,
        )

    def state_dict(self) -> dict[str, Any]:
        """The complete training state: a resumed run continues bit for bit."""
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
