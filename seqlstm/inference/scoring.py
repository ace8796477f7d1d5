"""What a model thinks of a text."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from seqlstm.data.batching.collate import within_budget
from seqlstm.text.tokenizer import Tokenizer

TOKENS = 2**15  # of a batch, padding included


@dataclass(frozen=True)
class Score:
    """The log-probability of a text, in nats, piece by piece.

    Attributes:
        text: that was scored.
        pieces: its pieces, what ends it included.
        log_probabilities: one for each piece, in nats.
    """

    text: str
    pieces: list[str]
    log_probabilities: list[float]

    @cached_property
    def log_probability(self) -> float:
        return math.fsum(self.log_probabilities)

    @property
    def perplexity(self) -> float:
        """Per piece."""
        return math.exp(-self.log_probability / len(self.pieces))

    @property
    def surprisals(self) -> list[float]:
        """Of each piece, in bits."""
        return [-value / math.log(2) for value in self.log_probabilities]

    @property
    def surprisal(self) -> float:
        """Of the whole text, in bits."""
        return -self.log_probability / math.log(2)


class TruncationWarning(UserWarning):
    """A text was longer than the model was made for, and cut."""


def truncate(ids: Sequence[list[int]], longest: int, *, what: str) -> list[list[int]]:
    """Cut rows to `longest` pieces, and warn of how many were."""
    long = sum(len(one) > longest for one in ids)
    if long:
        lines = what if long == 1 else f"{what}s"
        warnings.warn(
            f"truncated {long} {lines} of more than {longest} pieces",
            TruncationWarning,
            stacklevel=3,
        )
    return [one[:longest] for one in ids]


def batches_by_length(lengths: Sequence[int], batch: int) -> Iterator[list[int]]:
    """Indices, sorted by length, at most `batch` at a time: rows of like length waste no padding.

    Fewer where they are long, so that memory stays bounded.
    """
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    for part in within_budget([lengths[index] for index in order], TOKENS):
        for start in range(0, len(part), batch):
            yield [order[index] for index in part[start : start + batch]]


def make_score(text: str, ids: list[int], values: Tensor, tokenizer: Tokenizer) -> Score:
    return Score(text, tokenizer.pieces(ids), values[: len(ids)].tolist())
