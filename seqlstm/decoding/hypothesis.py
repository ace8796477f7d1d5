"""Hypotheses of search and sampling."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hypothesis:
    """One output sequence of a search or of sampling.

    Attributes:
        ids: the tokens, without bos and eos.
        score: the log-probability with length and coverage penalties, which beam search maximises.
        log_probability: in nats, eos included.
        finished: whether eos came before the maximum length.
    """

    ids: list[int]
    score: float
    log_probability: float
    finished: bool
