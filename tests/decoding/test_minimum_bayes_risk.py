"""Expected utilities for minimum Bayes risk decoding."""

from __future__ import annotations

import pytest

from seqlstm.decoding.minimum_bayes_risk import expected_utilities


def shared_letters(hypothesis: str, reference: str) -> float:
    """The share of the hypothesis's letters that are in the reference: not symmetric."""
    return len(set(hypothesis) & set(reference)) / len(hypothesis)


def test_average_utilities_by_hand() -> None:
    utilities = expected_utilities(["ab", "a", "ab", "bcd"], shared_letters)
    assert list(utilities) == ["ab", "a", "bcd"]
    assert utilities["ab"] == pytest.approx((1 + 1 + 0.5 + 0.5) / 4)
    assert utilities["a"] == pytest.approx((1 + 1 + 1 + 0) / 4)
    assert utilities["bcd"] == pytest.approx((1 / 3 + 1 / 3 + 0 + 1) / 4)


def test_exact_match_selects_the_most_frequent_sample() -> None:
    samples = ["x", "y", "z", "y", "x", "y"]
    utilities = expected_utilities(samples, lambda one, other: float(one == other))
    assert list(utilities) == ["y", "x", "z"]
    assert utilities["y"] == pytest.approx(1 / 2)


def test_the_best_sample_may_differ_from_the_mode() -> None:
    """Three samples resemble each other; the most frequent one resembles none of them."""
    samples = ["qq", "qq", "abc", "abd", "acd"]
    assert next(iter(expected_utilities(samples, shared_letters))) == "abc"
    assert list(expected_utilities(["b", "a"], lambda *_: 1.0)) == ["b", "a"]
