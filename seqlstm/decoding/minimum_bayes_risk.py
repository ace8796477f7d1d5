"""Minimum Bayes risk decoding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

Utility: TypeAlias = Callable[[str, str], float]
"""`utility(hypothesis, reference)`: the quality of a hypothesis for this reference."""


def expected_utilities(samples: Sequence[str], utility: Utility) -> dict[str, float]:
    """The average utility of each sample over all samples, best first (Eikema & Aziz, 2020).

    The samples are candidates as well as references. A repeated sample counts as often as it
    occurs. Equal utilities keep the order of the samples.
    """
    counts = Counter(samples)
    utilities = {
        candidate: sum(count * utility(candidate, reference) for reference, count in counts.items())
        / len(samples)
        for candidate in counts
    }
    return dict(sorted(utilities.items(), key=lambda pair: -pair[1]))
