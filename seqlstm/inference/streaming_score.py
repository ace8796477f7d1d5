"""Scoring a text that never ends, in constant memory: all that came before is one state."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.inference.past import Past
from seqlstm.inference.prefill import prefill_and_score
from seqlstm.inference.scoring import Score, make_score


class StreamingScorer:
    """Tells each line of a stream from all that came before it, and sums up.

    The sums are those of the same lines scored at once, the state carried.

    Args:
        loaded: the language model.
        past: of what came before the stream; nothing did, if None.

    Attributes:
        past: of all that has come.
        lines, tokens, bytes: that have come; what ends a line is counted as the run's data are.
        nats: their negative log-probability.
    """

    def __init__(self, loaded: LoadedLanguageModel, past: Past | None = None) -> None:
        self.loaded = loaded
        self.past = loaded.fan_out(past, 1)
        self.lines = self.tokens = self.bytes = 0
        self.nats = 0.0

    def push(self, lines: Sequence[str]) -> list[Score]:
        """The next lines, each with what ends it."""
        loaded = self.loaded
        ended = loaded.unit == "line"
        texts = [f"{line}\n" if ended else line for line in lines]
        ids = loaded.tokenizer.encode_batch(texts)
        if not ended:
            ids = [[*one, loaded.end] for one in ids]
        joined = [id for one in ids for id in one]
        told, self.past = prefill_and_score(loaded.model, [joined], self.past, loaded.precision)
        parts = torch.split(told[0], [len(one) for one in ids])
        scores = [
            make_score(line, one, values, loaded.tokenizer)
            for line, one, values in zip(lines, ids, parts, strict=True)
        ]
        self.lines += len(lines)
        self.tokens += len(joined)
        self.bytes += sum(len(text.encode()) for text in texts)
        self.nats -= math.fsum(score.log_probability for score in scores)
        return scores

    def bytes_of(self, line: str) -> int:
        """Of a line, as `bytes` counts them."""
        return len(line.encode()) + (self.loaded.unit == "line")

    @property
    def bits_per_byte(self) -> float:
        return per_byte(self.nats, self.bytes)

    @property
    def perplexity(self) -> float:
        """Per piece."""
        return math.exp(self.nats / self.tokens) if self.tokens else math.nan


def per_byte(nats: float, size: int) -> float:
    """Bits per byte; of no byte, none that is a number."""
    return nats / math.log(2) / size if size else math.nan
