"""A hypothesis: one translation as a search or a sampler gives it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hypothesis:
    """One way to continue a sentence.

    Attributes:
        ids: the pieces, without begin and end.
        score: the log-probability under the penalties; what the search maximises.
        log_probability: in nats, the end piece included.
        finished: whether it came to its end piece before the maximum.
    """

    ids: list[int]
    score: float
    log_probability: float
    finished: bool
