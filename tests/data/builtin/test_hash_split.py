"""Splits by hash: the same on every machine, in the stated proportions."""

from __future__ import annotations

from collections import Counter

import pytest

from seqlstm.data.builtin.hash_split import hash_split


@pytest.mark.parametrize(
    ("test_percent", "shares"),
    [
        (10, {"train": 0.85, "validation": 0.05, "test": 0.1}),
        (5, {"train": 0.9, "validation": 0.05, "test": 0.05}),
    ],
)
def test_the_shares_of_the_splits(test_percent: int, shares: dict[str, float]) -> None:
    counts = Counter(hash_split(str(number), test_percent=test_percent) for number in range(20_000))
    result = {split: count / 20_000 for split, count in counts.items()}
    assert result == pytest.approx(shares, abs=0.01)


def test_a_smaller_test_split_is_part_of_a_larger_one() -> None:
    for number in range(2000):
        if hash_split(str(number), test_percent=5) == "test":
            assert hash_split(str(number), test_percent=10) == "test"
