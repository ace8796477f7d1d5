"""A run's log, `log.jsonl`: a line for every twentieth step, every validation and every end."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seqlstm.errors import RunError
from seqlstm.runtime.files import write_errors
from seqlstm.training.progress import TrainingReport

LOG_EVERY = 20
Count = Annotated[int, Field(ge=0, le=2**53)]
Amount = Annotated[float, Field(ge=0, le=2**53, allow_inf_nan=False)]
Report = dict[str, Any]
"""The fields of a logged report: those of `TrainingReport` without empty ones."""


class LogLine(BaseModel):
    """The fields of a line of the log; a loss may be infinite or NaN."""

    model_config = ConfigDict(strict=True)

    kind: Literal["step", "validation", "end"]
    step: Count
    epochs: Amount
    seconds: Amount
    done: Amount
    values: dict[str, float] = {}
    best: bool = False
    reason: str | None = None


class LogContents(NamedTuple):
    """A log as read.

    Attributes:
        reports: of the lines that hold one.
        texts: these lines.
        damaged: number of lines that hold none.
    """

    reports: list[Report]
    texts: list[str]
    damaged: int


def is_logged(report: TrainingReport) -> bool:
    """Whether the log has a line for a report: a validation, the end, or a twentieth step."""
    due = report.kind == "step" and report.step % LOG_EVERY == 0
    return due or report.kind in ("validation", "end")


def log_line(report: TrainingReport) -> str:
    """The line of a report."""
    fields = asdict(report).items()
    kept = {key: value for key, value in fields if value not in ({}, None) and value is not False}
    return json.dumps(kept) + "\n"


def append_report(file: Path, report: TrainingReport) -> None:
    """Append the line of a report to a log.

    Raises:
        FileError: the disk is full, or the file may not be written.
    """
    with write_errors(file), file.open("a", encoding="utf-8") as log:
        log.write(log_line(report))


def read_log(file: Path) -> LogContents:
    """The reports of a log; there are none before the first is written.

    Raises:
        RunError: the file may not be read.
    """
    try:
        return parse_log(file.read_bytes())
    except FileNotFoundError:
        return parse_log(b"")
    except OSError as error:
        raise RunError(f"{file} cannot be read: {error.strerror}") from error


def truncated(log: LogContents, step: int) -> str:
    """The text of a log without the lines after a step, and without `end` lines."""
    return "".join(
        f"{text}\n"
        for report, text in zip(log.reports, log.texts, strict=True)
        if report["step"] <= step and report["kind"] != "end"
    )


def parse_log(contents: bytes) -> LogContents:
    """The reports in the contents of a log.

    A last line without an end, cut off by a crash or a full disk, is no damage.
    """
    *lines, _ = contents.split(b"\n")
    reports = [parse_line(line) for line in lines]
    kept = [(report, line.decode()) for report, line in zip(reports, lines, strict=True) if report]
    return LogContents(
        [report for report, _ in kept], [text for _, text in kept], len(lines) - len(kept)
    )


def parse_line(line: bytes) -> Report | None:
    """The report of a line; None if it holds none."""
    try:
        return LogLine.model_validate_json(line).model_dump(exclude_unset=True)
    except ValidationError:
        return None
