"""Minimum Bayes risk: of some samples the one that is most like all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

Utility: TypeAlias = Callable[[str, str], float]
"""`utility(hypothesis, reference)`: how good a translation is if that one is right."""


def expected_utilities(samples: Sequence[str], utility: Utility) -> dict[str, float]:
    """Of each sample its average utility over all, best first (Eikema & Aziz, 2020).

    The samples are candidates and stand for the model's distribution too; those that came more
    often count more often. Equal ones stay in the order in which they came.
    """
    counts = Counter(samples)
    values = {
        one: sum(times * utility(one, other) for other, times in counts.items()) / len(samples)
        for one in counts
    }
    return dict(sorted(values.items(), key=lambda pair: -pair[1]))
