"""The progress lines of `seqlstm train` without a terminal."""

from __future__ import annotations

import pytest

from seqlstm.cli.commands.train import show_lines
from seqlstm.training.progress import TrainingReport


def report(kind: str, step: int, seconds: float) -> TrainingReport:
    values = {"loss": 1.5, "tokens_per_second": 200.0} if kind == "step" else {"loss": 1.4}
    return TrainingReport(kind, step, 0.1, seconds, done=step / 100, values=values)


def test_a_line_every_few_seconds_at_any_speed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    slow = [report("step", step, 2.0 * step) for step in range(1, 9)]  # two seconds a step
    fast = [report("step", step, 16 + step / 100) for step in range(9, 1009)]
    last = show_lines(iter([*slow, *fast]))
    steps = [int(line.split()[1].replace(",", "")) for line in capsys.readouterr().err.splitlines()]
    assert steps == [3, 6, 100, 600]  # at 6, 12, 17 and 22 seconds
    assert last.step == 1008


def test_a_validation_is_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    reports = [report("step", 1, 4.0), report("validation", 1, 6.0), report("step", 2, 8.0)]
    show_lines(iter([*reports, report("step", 3, 11.5)]))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "validation at step 1: loss 1.4000",
        "step 3  loss 1.500  200 tokens/s  3 %",
    ]
