"""How a run ends: stopped, after its epochs or minutes, and once and for all."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace

import pytest

from seqlstm.runtime.signals import StopRequest
from seqlstm.training.progress import TrainingPlan
from seqlstm.training.weights import weights_of
from tests.recurrent.cases import assert_same
from tests.training.cases import Repeated, Shelf, Spring, batch_of, loop_of, of_kind


def test_a_stop_is_clean() -> None:
    stop, shelf, model = StopRequest(), Shelf(), Spring()
    plan = TrainingPlan(steps=9, validate_every=5)
    kinds = []
    for report in loop_of(model, Repeated(batch_of(3)), plan, shelf=shelf).run(stop):
        kinds.append((report.kind, report.step, report.reason))
        if report.step == 2:
            stop.signal = "SIGINT"
    assert kinds[-2:] == [("saved", 2, None), ("end", 2, "stopped by SIGINT")]
    assert len(kinds) == 4
    assert shelf.checkpoint()["progress"]["step"] == 2


def test_epochs_end_it() -> None:
    batches = Repeated(batch_of(3), batch_of(2))
    reports = list(loop_of(Spring(), batches, TrainingPlan(epochs=3, steps=99)).run())
    assert (reports[-1].step, reports[-1].epochs) == (6, 3)
    assert [report.done for report in of_kind(reports, "step")] == pytest.approx(
        [number / 6 for number in range(1, 7)]
    )


def test_minutes_end_it_wherever_they_were_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which every look takes a second."""
    clock = count()
    fake = SimpleNamespace(monotonic=lambda: float(next(clock)))
    monkeypatch.setattr("seqlstm.training.loop.time", fake)
    shelf = Shelf()
    loop = loop_of(Spring(), Repeated(batch_of(3)), TrainingPlan(minutes=0.5), shelf=shelf)
    reports = list(loop.run())
    before, last = of_kind(reports, "step")[-2:]
    assert before.seconds < 30 <= last.seconds
    assert (last.done, reports[-1].reason) == (1.0, "as planned")
    for _ in range(1000):
        next(clock)  # time that no run has used
    spent = shelf.checkpoint()["progress"]["seconds"]
    longer = loop_of(Spring(), Repeated(batch_of(3)), TrainingPlan(minutes=1), shelf=shelf)
    longer.load_state_dict(shelf.checkpoint())
    first, *rest = longer.run()
    assert spent < first.seconds < spent + 5
    assert first.step == last.step + 1
    assert of_kind(rest, "step")[-1].seconds >= 60


def test_a_run_that_has_ended_does_no_more() -> None:
    shelf, model = Shelf(), Spring()
    list(loop_of(model, Repeated(batch_of(3)), TrainingPlan(steps=2), shelf=shelf).run())
    again = loop_of(Spring(), Repeated(batch_of(3)), TrainingPlan(steps=2), shelf=shelf)
    again.load_state_dict(shelf.checkpoint())
    assert again.end() == "as planned"
    assert of_kind(list(again.run()), "step") == []
    assert_same(weights_of(again.model)["weight"], model.weight, rtol=0, atol=0)
