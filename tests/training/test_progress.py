from __future__ import annotations

import pytest

from seqlstm.training.progress import Progress, TrainingPlan


@pytest.mark.parametrize(
    ("metric", "values"),
    [("loss", [3.0, 2.0, 2.0, 2.5, 1.9]), ("bleu", [3.0, 4.0, 4.0, 3.5, 4.1])],
)
def test_the_best_value_is_the_lowest_or_highest(metric: str, values: list[float]) -> None:
    progress, plan = Progress(), TrainingPlan(metric=metric)
    improved, stale = [], []
    for step, value in enumerate(values, 1):
        progress.step = step
        improved.append(progress.update_best(value, plan))
        stale.append(progress.stale)
    assert improved == [True, True, False, False, True]
    assert stale == [0, 0, 1, 2, 0]
    assert (progress.best, progress.best_step) == (values[-1], 5)
    assert progress.reductions == 0


def test_a_reduction_restarts_the_count_of_a_plateau() -> None:
    progress, plan = Progress(), TrainingPlan(plateau_patience=2)
    reductions = []
    for value in (1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5):
        progress.update_best(value, plan)
        reductions.append(progress.reductions)
    assert reductions == [0, 0, 1, 1, 1, 1, 2, 2, 3]
    assert progress.stale == 4


@pytest.mark.parametrize("metric", ["loss", "bleu"])
def test_a_value_that_is_not_finite_is_never_the_best(metric: str) -> None:
    progress, plan = Progress(), TrainingPlan(metric=metric)
    for value in (float("nan"), float("inf"), float("-inf")):
        assert not progress.update_best(value, plan)
    assert progress.update_best(2.0, plan)
    assert not progress.update_best(float("nan"), plan)
    assert (progress.best, progress.stale) == (2.0, 1)
