"""One run of a sweep: train it, or continue it, and score it."""

from __future__ import annotations

import json
import math
import statistics
import time
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from seqlstm.errors import DivergedError, RunError
from seqlstm.recipe.evaluate import evaluate
from seqlstm.recipe.read import read_run_recipe
from seqlstm.recipe.train import EndedError, resume, start
from seqlstm.run.card import first_problem
from seqlstm.run.folder import RunFolder
from seqlstm.run.lock import FolderLock
from seqlstm.runtime.files import write_atomically
from seqlstm.runtime.finite_json import finite_json
from seqlstm.runtime.signals import StopRequest
from seqlstm.runtime.threads import set_num_threads
from seqlstm.runtime.torch_warnings import ignore_cudnn_weight_copies
from seqlstm.sweep.plan import Job

RESULT_FILE = "result.json"


@dataclass(frozen=True)
class Result:
    """The contents of a finished run's result.json.

    Attributes:
        split, weights, streams: the evaluated split, weights and number of streams.
        values: the results of `evaluate`; None for a number that is not finite.
        parameters: number of parameters of the model.
        steps, seconds: of training, with validation and saving.
        tokens_per_second: the median of the logged steps; None if there is none.
        notes: what reading the split decided, such as the rows that were left out.
    """

    split: str
    weights: str
    streams: int
    values: dict[str, Any]
    parameters: int
    steps: int
    seconds: float
    tokens_per_second: float | None
    notes: list[str] = field(default_factory=list)

    def score(self, name: str) -> float:
        """One of the values; NaN if it is not finite.

        Raises:
            RunError: there is no such number.
        """
        value = self.values.get(name, "")
        if isinstance(value, int | float | None) and not isinstance(value, bool):
            return math.nan if value is None else float(value)
        raise RunError(
            f"a {RESULT_FILE} of this sweep is damaged: it has no number {name}",
            hint="Remove the file; the run itself is not lost.",
        )


RESULT = TypeAdapter(Result)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run: a result, a failure message, or neither after a stop."""

    job: Job
    result: Result | None = None
    failure: str | None = None
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)


def run_job(job: Job, *, threads: int, stop: StopRequest) -> Outcome:
    """Train or continue a run, and score it.

    Args:
        job: the run.
        threads: number of threads, unless its recipe sets one.
        stop: whether to save and stop.

    Raises:
        UserError: a mistake that all runs would meet. A diverged run is an outcome, no error.
    """
    if stop:
        return Outcome(job)
    began = time.monotonic()
    result = failure = None
    set_num_threads(threads)
    with warnings.catch_warnings(record=True) as caught:
        ignore_cudnn_weight_copies()
        try:
            with FolderLock(job.folder) as lock:
                if train(job, stop, lock):
                    result = score(job)
        except DivergedError as error:
            failure = str(error)
    messages = [str(warning.message) for warning in caught if warning.category is UserWarning]
    return Outcome(job, result, failure, time.monotonic() - began, messages)


def train(job: Job, stop: StopRequest, lock: FolderLock) -> bool:
    """Train or continue a run, whose lock is held; returns whether it has reached its end."""
    folder = RunFolder(job.folder)
    try:
        if folder.card.is_file():  # its own recipe, since it may have started with other threads
            recipe = read_run_recipe(RunFolder.open(job.folder))
            prepared = resume(recipe, job.folder, lock=lock)
        else:
            prepared = start(job.recipe, job.folder, lock=lock)
    except EndedError:
        return True
    for line in prepared.warnings:
        warnings.warn(line, stacklevel=1)
    for _ in prepared.run(stop):
        pass
    return prepared.loop.end_reason() is not None


def score(job: Job) -> Result:
    """Evaluate a trained run and save the result."""
    device = job.recipe.device
    streams = job.streams if job.streams > 1 else None
    evaluation = evaluate(
        job.folder, split=job.split, weights=job.weights, streams=streams, device=device
    )
    folder = RunFolder.open(job.folder)
    progress = folder.read_checkpoint()["progress"]
    result = Result(
        split=job.split,
        weights=job.weights,
        streams=job.streams,
        values=finite_json(evaluation.values),
        parameters=sum(tensor.numel() for tensor in folder.read_weights("last").values()),
        steps=progress["step"],
        seconds=progress["seconds"],
        tokens_per_second=speed(folder),
        notes=[*evaluation.notes],
    )
    write_atomically(result_file(job), json.dumps(asdict(result), indent=2).encode())
    return result


def speed(folder: RunFolder) -> float | None:
    """The median of the logged steps' tokens per second; None if no step is logged."""
    steps = [report for report in folder.read_log().reports if report["kind"] == "step"]
    speeds = [report.get("values", {}).get("tokens_per_second", math.nan) for report in steps]
    logged = [speed for speed in speeds if math.isfinite(speed)]
    return statistics.median(logged) if logged else None


def read_result(job: Job) -> Result | None:
    """The result of a finished run; None if there is none for this split, weights and streams.

    Raises:
        RunError: the file is damaged.
    """
    file = result_file(job)
    if not file.is_file():
        return None
    try:
        result = RESULT.validate_json(file.read_bytes(), strict=True)
    except ValidationError as error:
        raise RunError(
            f"{file} is damaged: {first_problem(error)}",
            hint="Remove this file; the run itself is not lost.",
        ) from error
    evaluated = (result.split, result.weights, result.streams)
    return result if evaluated == (job.split, job.weights, job.streams) else None


def result_file(job: Job) -> Path:
    return job.folder / RESULT_FILE
