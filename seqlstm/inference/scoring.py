"""Scores: the log-probability of a text, piece by piece."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from seqlstm.data.batching.collate import within_budget
from seqlstm.text.tokenizer import Tokenizer

MAX_BATCH_TOKENS = 2**15  # padding included


@dataclass(frozen=True)
class Score:
    """The log-probability of a text, in nats, piece by piece.

    Attributes:
        text: the scored text.
        pieces: of the text, with the end token.
        log_probabilities: of each piece, in nats.
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
    """A text was longer than the model's maximum and has been truncated."""


def truncate(ids: Sequence[list[int]], max_length: int, *, what: str) -> list[list[int]]:
    """Truncate rows to `max_length` pieces, and warn of how many were truncated.

    Args:
        ids: of each row.
        max_length: maximum number of pieces of a row.
        what: what a row is, such as "line", for the warning.
    """
    count = sum(len(row) > max_length for row in ids)
    if count:
        rows = what if count == 1 else f"{what}s"
        warnings.warn(
            f"truncated {count} {rows} of more than {max_length} pieces",
            TruncationWarning,
            stacklevel=3,
        )
    return [row[:max_length] for row in ids]


def batches_by_length(lengths: Sequence[int], batch: int) -> Iterator[list[int]]:
    """Indices of rows by batch, sorted by length, so that batches need little padding.

    A batch has at most `batch` rows, and fewer if they are long, so that memory stays bounded.
    """
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    for part in within_budget([lengths[index] for index in order], MAX_BATCH_TOKENS):
        for start in range(0, len(part), batch):
            yield [order[index] for index in part[start : start + batch]]


def make_score(text: str, ids: list[int], log_probs: Tensor, tokenizer: Tokenizer) -> Score:
    """The score of a text from its ids and their log-probabilities, (time,), padded or not."""
    return Score(text, tokenizer.pieces(ids), log_probs[: len(ids)].tolist())
