"""What a sweep's picture leaves room for."""

from __future__ import annotations

import math

import pytest

from seqlstm.sweep.plot import limits


def test_one_far_off_does_not_squeeze_the_others_into_a_point() -> None:
    least, most = limits([1.7, 1.8, 1.9, 2.0, 898.0])
    assert least < 1.7
    assert 2.0 < most < 10.0


@pytest.mark.parametrize("scores", [[1.0, 2.0, 3.0, 4.0], [0.25, 1.0, 1.0, 0.24]])
def test_all_that_lie_together_are_drawn(scores: list[float]) -> None:
    least, most = limits(scores)
    assert least <= min(scores)
    assert max(scores) <= most


def test_equal_scores_and_too_few_of_them_have_their_place() -> None:
    assert limits([1.0, 1.0, 1.0]) == (1.0, 1.0)
    assert limits([2.0]) == (-math.inf, math.inf)
    assert limits([math.nan, math.inf]) == (-math.inf, math.inf)
