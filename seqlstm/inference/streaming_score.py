"""Scores of a text of any length in constant memory: only the model's state is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.inference.past import Past
from seqlstm.inference.prefill import prefill_and_score
from seqlstm.inference.scoring import Score, make_score


class StreamingScorer:
    """Scores each line of a stream given all lines before it, and sums up the scores.

    The sums equal the scores of the same lines as one text with carried state.

    Args:
        loaded: the language model.
        past: before the stream; None for no text.

    Attributes:
        past: of the stream so far.
        lines, tokens, bytes: counts so far. Newlines count if the model's unit is a line.
        nats: the negative log-probability of the stream so far.
    """

    def __init__(self, loaded: LoadedLanguageModel, past: Past | None = None) -> None:
        self.loaded = loaded
        self.past = loaded.expand(past, 1)
        self.lines = self.tokens = self.bytes = 0
        self.nats = 0.0

    def push(self, lines: Sequence[str]) -> list[Score]:
        """Score the next lines, each with its end."""
        loaded = self.loaded
        by_line = loaded.unit == "line"
        texts = [f"{line}\n" if by_line else line for line in lines]
        ids = loaded.tokenizer.encode_batch(texts)
        if not by_line:
            ids = [[*row, loaded.end] for row in ids]
        stream = [id for row in ids for id in row]
        log_probs, self.past = prefill_and_score(
            loaded.model, [stream], self.past, loaded.precision
        )
        parts = torch.split(log_probs[0], [len(row) for row in ids])
        scores = [
            make_score(line, row, part, loaded.tokenizer)
            for line, row, part in zip(lines, ids, parts, strict=True)
        ]
        self.lines += len(lines)
        self.tokens += len(stream)
        self.bytes += sum(len(text.encode()) for text in texts)
        self.nats -= math.fsum(score.log_probability for score in scores)
        return scores

    def bytes_of(self, line: str) -> int:
        """The number of bytes of a line, as `bytes` counts them."""
        return len(line.encode()) + (self.loaded.unit == "line")

    @property
    def bits_per_byte(self) -> float:
        return per_byte(self.nats, self.bytes)

    @property
    def perplexity(self) -> float:
        """Per piece."""
        return math.exp(self.nats / self.tokens) if self.tokens else math.nan


def per_byte(nats: float, size: int) -> float:
    """Bits per byte of a text with `size` bytes; NaN for no bytes."""
    return nats / math.log(2) / size if size else math.nan
