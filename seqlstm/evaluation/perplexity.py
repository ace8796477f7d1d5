"""Perplexity and bits per byte of a language model on a text, with a signature."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

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
from seqlstm.training.objectives.cross_entropy import CrossEntropy

Value = TypeVar("Value")


@dataclass(frozen=True)
class LanguageScores:
    """The scores of a text.

    Attributes:
        nats: the negative log-probability of the whole text.
        tokens: number of pieces, with the end of each document.
        words: number of words between white space; each end of a line or document counts as one.
        bytes: of the text in UTF-8, with newlines.
        characters: of the text, with newlines.
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
        """exp(nats / tokens); infinite if a float cannot hold it."""
        return bounded_exp(self.nats_per_token)

    @property
    def perplexity_per_word(self) -> float:
        """exp(nats / words), comparable across tokenizers; infinite if a float cannot hold it."""
        return bounded_exp(self.nats / self.words)

    @property
    def bits_per_byte(self) -> float:
        return self.nats / math.log(2) / self.bytes

    @property
    def bits_per_character(self) -> float:
        return self.nats / math.log(2) / self.characters


def bounded_exp(exponent: float) -> float:
    return math.exp(exponent) if exponent < 700 else math.inf


Step = Callable[[Batch, State | None], tuple[Value, State | None]]
"""`step(batch, state) -> (value, state after the batch)`."""


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
    step: Step[float] | None = None,
    method: str = "",
) -> LanguageScores:
    """Perplexities and bits per byte of a text.

    Args:
        model: in evaluation mode.
        rows: documents or lines.
        tokenizer: the model's.
        precision: of the products, and the device.
        unit: "document" or "line".
        resets: start every document or line from the initial state; otherwise the state is
            carried through the text.
        sliding: minimum context, in tokens, of predictions in sliding windows, each of which
            starts from the initial state; 0 for no windows.
        streams: parts of the text that are read in parallel, each from the initial state. One is
            exact; more are faster, but the beginnings of the parts lack context.
        span: steps of a batch.
        stream: the encoded rows; None to encode them here.
        step: computes the nats of a batch; None for the model's loss.
        method: how `step` changes the predictions, for the signature.
    """
    stream = stream or encode_stream(rows, tokenizer=tokenizer, unit=unit)
    streams = min(streams, stream.tokens)
    step = step or partial(summed_loss, model, precision)
    nats = 0.0
    batches = batches_of(stream, resets=resets, sliding=sliding, streams=streams, span=span)
    for _, batch_nats in carry_state(step, batches, precision.device):
        nats += batch_nats
    context = context_of(resets=resets, sliding=sliding, streams=streams) + method
    newlines = len(rows) if unit == "line" else 0
    return LanguageScores(
        nats=nats,
        tokens=stream.tokens,
        words=sum(map(count_words, rows)),
        bytes=sum(len(row.encode()) for row in rows) + newlines,
        characters=sum(map(len, rows)) + newlines,
        signature=signature_of(tokenizer, precision, unit=unit, context=context),
    )


@torch.no_grad()
def summed_loss(
    model: LanguageModel, precision: Precision, batch: Batch, state: State | None
) -> tuple[float, State | None]:
    """The nats of a batch, computed in chunks of logits, and the state after the batch."""
    with precision.autocast():
        loss, _, state = CrossEntropy()(model, batch, state)
    return float(loss), state


def carry_state(
    step: Step[Value], batches: Iterable[Batch], device: torch.device
) -> Iterator[tuple[Batch, Value]]:
    """Each batch with the value of its step; the state is carried if `carry_state` is set."""
    state: State | None = None
    for batch in batches:
        batch = batch.to(device)
        value, state = step(batch, state if batch.carry_state else None)
        yield batch, value


def batches_of(
    stream: TokenStream, *, resets: bool, sliding: int, streams: int, span: int
) -> Iterator[Batch]:
    """The text in sliding windows or contiguous streams; see `score_text`."""
    if sliding:
        return sliding_window_batches(stream, min_context=sliding)
    # The first id of the stream is the separator of rows.
    reset_at = int(stream.ids[0]) if resets else None
    return stream_batches(stream, batch_size=streams, bptt=span, reset_token=reset_at)


def count_words(row: str) -> int:
    """Words between white space; each end of a line or document counts as one."""
    return len(row.split()) + row.count("\n") + 1


@dataclass(frozen=True)
class RowScores:
    """The scores of each document or line of a text.

    Attributes:
        nats: the negative log-probability of each row with its end, (rows,) in float64.
        tokens, words: of each row, as `LanguageScores` counts them, (rows,) in float64.
        bytes: of each row in UTF-8, with newlines, (rows,) in float64.
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
    """The scores of `score_text` for each document or line.

    Args:
        model, tokenizer, precision, resets, sliding, streams, span: as of `score_text`.
        rows: documents or lines; a row of several lines counts as several lines.
        unit: "document" or "line".
    """
    stream = encode_stream(rows, tokenizer=tokenizer, unit=unit)
    streams = min(streams, stream.tokens)
    batches = batches_of(stream, resets=resets, sliding=sliding, streams=streams, span=span)
    spans = [  # of streams: (streams, time) each; of windows: (tokens,) each
        target_scores(scores, batch) if sliding else scores.cpu()
        for batch, scores in carry_state(
            partial(target_log_probs, model, precision), batches, precision.device
        )
    ]
    # The streams are consecutive parts of the text; only the last is padded.
    scores = torch.cat(spans, dim=-1).flatten()[: stream.tokens].double()
    lines = "\n".join(rows).split("\n") if unit == "line" else rows
    end = tokenizer.newline if unit == "line" else tokenizer.end
    assert end is not None
    ends = stream.ids[1:].eq(end)
    row = ends.cumsum(0) - ends.long()  # index of the row of each token
    newline = 1 if unit == "line" else 0
    zeros = torch.zeros(len(lines), dtype=torch.double)
    context = context_of(resets=resets, sliding=sliding, streams=streams)
    return RowScores(
        nats=zeros.index_add(0, row, -scores),
        tokens=zeros.index_add(0, row, torch.ones_like(scores)),
        words=torch.tensor([count_words(line) for line in lines]).double(),
        bytes=torch.tensor([len(line.encode()) + newline for line in lines]).double(),
        signature=signature_of(tokenizer, precision, unit=unit, context=context),
    )


@torch.no_grad()
def target_log_probs(
    model: LanguageModel, precision: Precision, batch: Batch, state: State | None
) -> tuple[Tensor, State | None]:
    """The log-probability of every target, (batch, time), and the state after the batch."""
    with precision.autocast():
        return model.log_probabilities(batch, state, return_state=True)


def target_scores(scores: Tensor, batch: Batch) -> Tensor:
    """The scores of a batch's targets without padding, row after row: (rows, time) -> (tokens,)."""
    mask = torch.zeros(scores.numel(), dtype=torch.bool)
    mask[batch.target_index.cpu()] = True
    return scores.cpu()[mask.view(scores.shape[1], -1).t()]


def context_of(*, resets: bool, sliding: int, streams: int) -> str:
    """The part of a signature that describes the context of predictions."""
    kind = f"sliding-{sliding}" if sliding else "reset" if resets else "carried"
    return f"state:{kind}|streams:{streams}"


def signature_of(tokenizer: Tokenizer, precision: Precision, *, unit: str, context: str) -> str:
    counted = "words" if tokenizer.closed_vocabulary else "text"
    return (
        f"lm|unit:{unit}|tokenizer:{tokenizer.model_type}-{tokenizer.fingerprint}"
        f"{'|vocabulary:closed, <unk> a word' if tokenizer.closed_vocabulary else ''}"
        f"|{context}"
        f"|counts:{counted}{'+newlines' if unit == 'line' else ', nats of </s>'}"
        f"|segmentation:one|precision:{precision.name}|version:{__version__}"
    )
