"""How well a language model tells a text: perplexities and bits per byte, with a signature."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqlstm import __version__
from seqlstm.data.batching.sliding_windows import sliding_window_batches
from seqlstm.data.batching.streams import TokenStream, encode_stream, stream_batches
from seqlstm.models.batch import Batch
from seqlstm.models.language_model import LanguageModel
from seqlstm.recurrent.state import State
from seqlstm.runtime.device import Precision
from seqlstm.text.tokenizer import Tokenizer


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
    sliding: int = 0,
    streams: int = 1,
    span: int = 512,
    stream: TokenStream | None = None,
) -> LanguageScores:
    """Score rows of text, each one end to end.

    Args:
        model: in evaluation mode.
        rows: documents or lines.
        tokenizer: the model's.
        precision: of the products, and the device.
        unit: "document" or "line".
        resets: start afresh with every document or line; else the state is carried through the
            text.
        sliding: start afresh for every window of the text, such that each prediction knows at
            least so many pieces before it; 0 for no windows.
        streams: parts of the text that are read side by side, each from a fresh state. One is
            exact; more are faster, and lose the context at their beginnings.
        span: steps at once.
        stream: the rows encoded, if somebody has done that already.
    """
    stream = stream or encode_stream(rows, tokenizer=tokenizer, unit=unit)
    streams = min(streams, stream.tokens)
    state: State | None = None
    nats = 0.0
    for batch in batches_of(stream, resets=resets, sliding=sliding, streams=streams, span=span):
        with torch.no_grad(), precision.autocast():
            loss, _, state = model(batch.to(precision.device), state if batch.carry_state else None)
        nats += float(loss)
    known = known_past(resets=resets, sliding=sliding, streams=streams)
    signature = signature_of(tokenizer, precision, unit=unit, known=known)
    return count_text(rows, stream, nats=nats, unit=unit, signature=signature)


def batches_of(
    stream: TokenStream, *, resets: bool, sliding: int, streams: int, span: int
) -> Iterator[Batch]:
    """The text as the context asks; a batch's state goes on from the one before if it follows."""
    if sliding:
        return sliding_window_batches(stream, min_context=sliding)
    # What would have ended the row before the first opens the stream.
    reset_at = int(stream.ids[0]) if resets else None
    return stream_batches(stream, batch_size=streams, bptt=span, reset_token=reset_at)


def count_text(
    rows: Sequence[str], stream: TokenStream, *, nats: float, unit: str, signature: str
) -> LanguageScores:
    """The scores of a text that costs `nats`."""
    newlines = len(rows) if unit == "line" else 0
    return LanguageScores(
        nats=nats,
        tokens=stream.tokens,
        words=sum(map(words_of, rows)),
        bytes=sum(len(row.encode()) for row in rows) + newlines,
        characters=sum(map(len, rows)) + newlines,
        signature=signature,
    )


def words_of(row: str) -> int:
    """What white space separates; each end of a line or document counts as one."""
    return len(row.split()) + row.count("\n") + 1


@dataclass(frozen=True)
class RowScores:
    """The scores of a text, one document or line after the other.

    Attributes:
        nats: the negative log-probability of each, what ends it included, (rows,) in float64.
        tokens, words: of each, as `LanguageScores` counts them, (rows,) in float64.
        bytes: of each in UTF-8, its newlines included, (rows,) in float64.
        signature: what was counted, and how.
    """

    nats: Tensor
    tokens: Tensor
    words: Tensor
    bytes: Tensor
    signature: str


def score_rows(
    model: LanguageModel,
    rows: Sequence[str],
    *,
    tokenizer: Tokenizer,
    precision: Precision,
    unit: str,
    resets: bool = False,
    sliding: int = 0,
    streams: int = 1,
    span: int = 512,
) -> RowScores:
    """Score what `score_text` does, and tell what falls to each document or line.

    Args:
        model, tokenizer, precision, resets, sliding, streams, span: as `score_text` takes them.
        rows: documents or lines; a row of several lines counts as these.
        unit: "document" or "line".
    """
    stream = encode_stream(rows, tokenizer=tokenizer, unit=unit)
    streams = min(streams, stream.tokens)
    state: State | None = None
    spans = []  # (streams or windows, time) each
    for batch in batches_of(stream, resets=resets, sliding=sliding, streams=streams, span=span):
        before = state if batch.carry_state else None
        with torch.no_grad(), precision.autocast():
            scores, state = model.log_probabilities(batch.to(precision.device), before, last=True)
        spans.append(real_part(scores, batch) if sliding else scores.cpu())
    # The streams are the text's parts in their order; only the last is padded.
    told = torch.cat(spans, dim=-1).flatten()[: stream.tokens].double()
    lines = "\n".join(rows).split("\n") if unit == "line" else rows
    end = tokenizer.newline if unit == "line" else tokenizer.end
    assert end is not None
    ends = stream.ids[1:].eq(end)
    row = ends.cumsum(0) - ends.long()  # of each token
    newline = 1 if unit == "line" else 0
    none = torch.zeros(len(lines), dtype=torch.double)
    known = known_past(resets=resets, sliding=sliding, streams=streams)
    return RowScores(
        nats=none.index_add(0, row, -told),
        tokens=none.index_add(0, row, torch.ones_like(told)),
        words=torch.tensor([words_of(line) for line in lines]).double(),
        bytes=torch.tensor([len(line.encode()) + newline for line in lines]).double(),
        signature=signature_of(tokenizer, precision, unit=unit, known=known),
    )


def real_part(scores: Tensor, batch: Batch) -> Tensor:
    """Of scores (rows, time) those of real targets, row after row."""
    real = torch.zeros(scores.numel(), dtype=torch.bool)
    real[batch.target_index.cpu()] = True
    return scores.cpu()[real.view(scores.shape[1], -1).t()]


def known_past(*, resets: bool, sliding: int, streams: int) -> str:
    """What predictions know of the text before them, for a signature."""
    kind = f"sliding-{sliding}" if sliding else "reset" if resets else "carried"
    return f"state:{kind}|streams:{streams}"


def signature_of(tokenizer: Tokenizer, precision: Precision, *, unit: str, known: str) -> str:
    counted = "words" if tokenizer.closed_vocabulary else "text"
    return (
        f"lm|unit:{unit}|tokenizer:{tokenizer.model_type}-{tokenizer.fingerprint}"
        f"{'|vocabulary:closed, <unk> a word' if tokenizer.closed_vocabulary else ''}"
        f"|{known}"
        f"|counts:{counted}{'+newlines' if unit == 'line' else ', nats of </s>'}"
        f"|segmentation:one|precision:{precision.name}|version:{__version__}"
    )
