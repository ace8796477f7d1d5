"""The end of training: by a stop request, after epochs or minutes, and after resuming."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace

import pytest

from seqlstm.runtime.signals import StopRequest
from seqlstm.training.progress import TrainingPlan
from seqlstm.training.weights import weights_of
from tests.recurrent.cases import assert_same
from tests.training.cases import (
    MemoryStore,
    Quadratic,
    RepeatedBatches,
    make_batch,
    make_loop,
    reports_of_kind,
)


def test_a_stop_request_saves_a_checkpoint() -> None:
    stop, store, model = StopRequest(), MemoryStore(), Quadratic()
    plan = TrainingPlan(steps=9, validate_every=5)
    kinds = []
    for report in make_loop(model, plan, store=store).run(stop):
        kinds.append((report.kind, report.step, report.reason))
        if report.step == 2:
            stop.signal = "SIGINT"
    assert kinds[-2:] == [("checkpoint", 2, None), ("end", 2, "stopped by SIGINT")]
    assert len(kinds) == 4
    assert store.checkpoint()["progress"]["step"] == 2


def test_epochs_end_training() -> None:
    batches = RepeatedBatches(make_batch(3), make_batch(2))
    reports = list(make_loop(Quadratic(), TrainingPlan(epochs=3, steps=99), batches=batches).run())
    assert (reports[-1].step, reports[-1].epochs) == (6, 3)
    assert [report.done for report in reports_of_kind(reports, "step")] == pytest.approx(
        [number / 6 for number in range(1, 7)]
    )


def test_minutes_end_training_and_include_those_before_resuming(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a fake clock that advances by one second at each reading."""
    clock = count()
    fake = SimpleNamespace(monotonic=lambda: float(next(clock)))
    monkeypatch.setattr("seqlstm.training.loop.time", fake)
    store = MemoryStore()
    loop = make_loop(Quadratic(), TrainingPlan(minutes=0.5), store=store)
    reports = list(loop.run())
    before, last = reports_of_kind(reports, "step")[-2:]
    assert before.seconds < 30 <= last.seconds
    assert (last.done, reports[-1].reason) == (1.0, "as planned")
    for _ in range(1000):
        next(clock)  # time between the two runs
    seconds = store.checkpoint()["progress"]["seconds"]
    longer = make_loop(Quadratic(), TrainingPlan(minutes=1), store=store)
    longer.load_state_dict(store.checkpoint())
    first, *rest = longer.run()
    assert seconds < first.seconds < seconds + 5
    assert first.step == last.step + 1
    assert reports_of_kind(rest, "step")[-1].seconds >= 60


def test_a_run_that_has_ended_makes_no_further_steps() -> None:
    store, model = MemoryStore(), Quadratic()
    list(make_loop(model, TrainingPlan(steps=2), store=store).run())
    again = make_loop(Quadratic(), TrainingPlan(steps=2), store=store)
    again.load_state_dict(store.checkpoint())
    assert again.end_reason() == "as planned"
    assert reports_of_kind(list(again.run()), "step") == []
    assert_same(weights_of(again.model)["weight"], model.weight, rtol=0, atol=0)
