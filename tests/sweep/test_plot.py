"""The axis range of a sweep's plot."""

from __future__ import annotations

import math

import pytest

from seqlstm.sweep.plot import limits


def test_an_outlier_is_outside_of_the_range() -> None:
    minimum, maximum = limits([1.7, 1.8, 1.9, 2.0, 898.0])
    assert minimum < 1.7
    assert 2.0 < maximum < 10.0


@pytest.mark.parametrize("scores", [[1.0, 2.0, 3.0, 4.0], [0.25, 1.0, 1.0, 0.24]])
def test_scores_without_outliers_are_in_the_range(scores: list[float]) -> None:
    minimum, maximum = limits(scores)
    assert minimum <= min(scores)
    assert max(scores) <= maximum


def test_equal_scores_and_too_few_scores() -> None:
    assert limits([1.0, 1.0, 1.0]) == (1.0, 1.0)
    assert limits([2.0]) == (-math.inf, math.inf)
    assert limits([math.nan, math.inf]) == (-math.inf, math.inf)
