"""One run of a sweep, from nothing or from wherever it stands, to its score."""

from __future__ import annotations

import json
import math
import statistics
import time
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from seqlstm.errors import DivergedError, RunError
from seqlstm.recipe.evaluate import evaluate
from seqlstm.recipe.read import read_run_recipe
from seqlstm.recipe.train import EndedError, resume, start
from seqlstm.run.folder import RunFolder
from seqlstm.runtime.files import write_atomically
from seqlstm.runtime.memory import set_num_threads
from seqlstm.runtime.signals import StopRequest
from seqlstm.runtime.torch_warnings import ignore_cudnn_weight_copies
from seqlstm.sweep.plan import Job


@dataclass(frozen=True)
class Result:
    """What a finished run keeps in its result.json.

    Attributes:
        split, weights, streams: what was scored, and how.
        values: as `evaluate` gives them; None for a number that is not finite.
        parameters: of the model.
        steps, seconds: of its training, validation and saving included.
        tokens_per_second: the median of its log's steps; None if it has logged none.
    """

    split: str
    weights: str
    streams: int
    values: dict[str, Any]
    parameters: int
    steps: int
    seconds: float
    tokens_per_second: float | None

    def score(self, name: str) -> float:
        """One of the values; NaN if it is not finite."""
        value = self.values[name]
        return math.nan if value is None else float(value)


@dataclass(frozen=True)
class Outcome:
    """How a run went: a result, a failure in words, or neither if it was asked to stop."""

    job: Job
    result: Result | None = None
    failure: str | None = None
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)


def carry_out(job: Job, *, threads: int, stop: StopRequest) -> Outcome:
    """Train a run and score it, or go on with it.

    Args:
        job: which.
        threads: cores for it, unless its recipe says.
        stop: whether to save and stop.

    Raises:
        UserError: what no other run could do better; numbers that are not finite are an outcome.
    """
    if stop:
        return Outcome(job)
    began = time.monotonic()
    result = failure = None
    set_num_threads(threads)
    with warnings.catch_warnings(record=True) as caught:
        ignore_cudnn_weight_copies()
        try:
            if train(job, stop):
                result = score(job)
        except DivergedError as error:
            failure = str(error)
    said = [str(one.message) for one in caught if one.category is UserWarning]
    return Outcome(job, result, failure, time.monotonic() - began, said)


def train(job: Job, stop: StopRequest) -> bool:
    """Train a run from wherever it stands; whether it has reached its end."""
    folder = RunFolder(job.folder)
    try:
        if folder.card.is_file():  # by its own recipe: it may have begun with other threads
            prepared = resume(read_run_recipe(folder), job.folder)
        else:
            prepared = start(job.recipe, job.folder)
    except EndedError:
        return True
    for line in prepared.warnings:
        warnings.warn(line, stacklevel=1)
    for _ in prepared.run(stop):
        pass
    return prepared.loop.end_reason() is not None


def score(job: Job) -> Result:
    """Evaluate a trained run, and keep the result."""
    device = job.recipe.device
    streams = job.streams if job.streams > 1 else None
    values = evaluate(
        job.folder, split=job.split, weights=job.weights, streams=streams, device=device
    ).values
    folder = RunFolder.open(job.folder)
    progress = folder.read_checkpoint()["progress"]
    result = Result(
        split=job.split,
        weights=job.weights,
        streams=job.streams,
        values=finite(values),
        parameters=sum(tensor.numel() for tensor in folder.read_weights("last").values()),
        steps=progress["step"],
        seconds=progress["seconds"],
        tokens_per_second=speed(folder),
    )
    write_atomically(result_file(job), json.dumps(asdict(result), indent=2).encode())
    return result


def finite(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has neither infinity nor NaN: they are null."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in values.items()
    }


def speed(folder: RunFolder) -> float | None:
    """The median of the logged steps' tokens a second."""
    steps = [line["values"] for line in folder.read_log() if line["kind"] == "step"]
    return statistics.median(one["tokens_per_second"] for one in steps) if steps else None


def read_result(job: Job) -> Result | None:
    """A finished run's; None if there is none yet, or what was scored is not what is asked for.

    Raises:
        RunError: the file is damaged.
    """
    file = result_file(job)
    if not file.is_file():
        return None
    try:
        result = Result(**json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise RunError(f"{file} is damaged: {error}", hint="Remove it: the run stays.") from error
    found = (result.split, result.weights, result.streams)
    return result if found == (job.split, job.weights, job.streams) else None


def result_file(job: Job) -> Path:
    return job.folder / "result.json"
