"""How well a language model tells a text: perplexities and bits per byte, with a signature."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from seqlstm import __version__
from seqlstm.data.tapes import Stream, encode_stream, tape_batches
from seqlstm.models.language_model import LanguageModel
from seqlstm.recurrent.state import State
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.training.precision import Precision


@dataclass(frozen=True)
class LanguageScores:
    """The scores of a text.

    Attributes:
        nats: the negative log-probability of the whole text.
        tokens: pieces, and what ends each document.
        words: what white space separates, each end of a line or document counted as one.
        bytes: of the text in UTF-8, its newlines included.
        characters: likewise.
        signature: what was counted, and how.
    """

    nats: float
    tokens: int
    words: int
    bytes: int
    characters: int
    signature: str

    @property
    def nats_per_token(self) -> float:
        return self.nats / self.tokens

    @property
    def perplexity_per_token(self) -> float:
        """exp(nats / tokens). Infinite where a float cannot hold it."""
        return bounded_exp(self.nats_per_token)

    @property
    def perplexity_per_word(self) -> float:
        """exp(nats / words): the same for any tokenizer. Infinite where a float cannot hold it."""
        return bounded_exp(self.nats / self.words)

    @property
    def bits_per_byte(self) -> float:
        return self.nats / math.log(2) / self.bytes

    @property
    def bits_per_character(self) -> float:
        return self.nats / math.log(2) / self.characters


def bounded_exp(exponent: float) -> float:
    return math.exp(exponent) if exponent < 700 else math.inf


def score_text(
    model: LanguageModel,
    rows: Sequence[str],
    *,
    tokenizer: Tokenizer,
    precision: Precision,
    unit: str,
    resets: bool = False,
    streams: int = 1,
    span: int = 512,
    stream: Stream | None = None,
) -> LanguageScores:
    """Score rows of text, each one end to end.

    Args:
        model: in evaluation mode.
        rows: documents or lines.
        tokenizer: the model's.
        precision: of the products, and the device.
        unit: "document" or "line".
        resets: start afresh with every document; else the state is carried through the text.
        streams: parts of the text that are read side by side, each from a fresh state. One is
            exact; more are faster, and lose the context at their beginnings.
        span: steps at once.
        stream: the rows encoded, if somebody has done that already.
    """
    stream = stream or encode_stream(rows, tokenizer=tokenizer, unit=unit)
    streams = min(streams, stream.tokens)
    state: State | None = None
    nats = 0.0
    batches = tape_batches(
        stream, rows=streams, span=span, reset_at=tokenizer.end if resets else None
    )
    for batch in batches:
        with torch.no_grad(), precision.autocast():
            loss, _, state = model(batch.to(precision.device), state)
        nats += float(loss)
    newlines = len(rows) if unit == "line" else 0
    signature = (
        f"lm|unit:{unit}|tokenizer:{tokenizer.kind}-{tokenizer.fingerprint}"
        f"|state:{'reset' if resets else 'carried'}|streams:{streams}"
        f"|counts:{'text+newlines' if unit == 'line' else 'text, nats of </s>'}"
        f"|segmentation:one|precision:{precision.name}|version:{__version__}"
    )
    return LanguageScores(
        nats=nats,
        tokens=stream.tokens,
        words=sum(len(row.split()) + row.count("\n") + 1 for row in rows),
        bytes=sum(len(row.encode()) for row in rows) + newlines,
        characters=sum(map(len, rows)) + newlines,
        signature=signature,
    )
