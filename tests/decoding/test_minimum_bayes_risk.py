"""Minimum Bayes risk."""

from __future__ import annotations

import pytest

from seqlstm.decoding.minimum_bayes_risk import expected_utilities


def alike(hypothesis: str, reference: str) -> float:
    """Letters in common, by the hypothesis's length: not symmetric."""
    return len(set(hypothesis) & set(reference)) / len(hypothesis)


def test_average_utilities_by_hand() -> None:
    found = expected_utilities(["ab", "a", "ab", "bcd"], alike)
    assert list(found) == ["ab", "a", "bcd"]
    assert found["ab"] == pytest.approx((1 + 1 + 0.5 + 0.5) / 4)
    assert found["a"] == pytest.approx((1 + 1 + 1 + 0) / 4)
    assert found["bcd"] == pytest.approx((1 / 3 + 1 / 3 + 0 + 1) / 4)


def test_what_came_most_often_is_the_best_if_only_the_same_is_good() -> None:
    samples = ["x", "y", "z", "y", "x", "y"]
    found = expected_utilities(samples, lambda one, other: float(one == other))
    assert list(found) == ["y", "x", "z"]
    assert found["y"] == pytest.approx(1 / 2)


def test_the_consensus_need_not_be_the_mode() -> None:
    """Each of three is like the others; the mode is like nothing else."""
    samples = ["qq", "qq", "abc", "abd", "acd"]
    assert next(iter(expected_utilities(samples, alike))) == "abc"
    assert list(expected_utilities(["b", "a"], lambda *_: 1.0)) == ["b", "a"]
