"""Text as contiguous streams side by side, read in spans, the state carried from span to span."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, repeat

import torch
from torch import Tensor

from seqlstm.data.batching.base import Batches, mix_seeds
from seqlstm.models.batch import Batch
from seqlstm.text.tokenizer import Tokenizer

BLOCK = 1024  # documents that are encoded, and sampled from one seed, together
HALVED = 0.05  # share of the random spans that are drawn about half the usual length
SHORTEST = 5  # steps of a random span, unless the usual is shorter


@dataclass(frozen=True)
class TokenStream:
    """A text as one sequence of ids, (tokens + 1,): each is to be told from those before it."""

    ids: Tensor

    @property
    def tokens(self) -> int:
        return len(self.ids) - 1


def encode_stream(
    rows: Sequence[str],
    *,
    tokenizer: Tokenizer,
    unit: str,
    subword_regularization: float = 0.0,
    seed: int = 0,
) -> TokenStream:
    """Rows of text as one stream: lines each ended by a newline, or documents each by </s>.

    It opens with what would have ended the row before the first.
    """
    lines = unit == "line"
    pieces: list[Tensor] = []
    for number, start in enumerate(range(0, len(rows), BLOCK)):
        block = [f"{row}\n" if lines else row for row in rows[start : start + BLOCK]]
        if subword_regularization:
            ids = tokenizer.sample(
                block, alpha=subword_regularization, seed=mix_seeds(seed, number)
            )
        else:
            ids = tokenizer.encode_batch(block)
        pieces += [torch.tensor(one if lines else [*one, tokenizer.end]) for one in ids]
    opening = tokenizer.encode("\n")[-1] if lines else tokenizer.end
    return TokenStream(torch.cat([torch.tensor([opening]), *pieces]))


def stream_batches(
    stream: TokenStream,
    *,
    rows: int,
    span: int,
    lengths: Iterable[int] | None = None,
    reset_at: int | None = None,
    whole: bool = True,
) -> Iterator[Batch]:
    """The stream as `rows` contiguous parts side by side, span after span.

    Args:
        stream: the text.
        rows: parts.
        span: steps of a batch; the last may be shorter.
        lengths: of one batch after the other, instead; the rate goes with them (Merity, Keskar &
            Socher, 2018, §4.1).
        reset_at: the id after which a row starts afresh.
        whole: pad the last part rather than leave a remainder of fewer than `rows` tokens out.
    """
    steps = stream.tokens // rows if not whole else -(-stream.tokens // rows)
    starts = torch.arange(rows) * steps
    begin = 0
    for length in lengths or repeat(span):
        if begin >= steps:
            return
        time = torch.arange(begin, min(begin + length, steps))
        place = starts.unsqueeze(1) + time  # (rows, time)
        real = (place < stream.tokens).t().flatten().nonzero().squeeze(1)
        place = place.clamp(max=stream.tokens - 1)
        inputs = stream.ids[place]
        yield Batch(
            inputs=inputs,
            targets=stream.ids[place + 1],
            target_index=real,
            resets=None if reset_at is None else inputs == reset_at,
            carry_state=begin > 0,
            lr_factor=length / span,
        )
        begin += length


def random_bptt_lengths(span: int, spread: float, seed: int) -> Iterator[int]:
    """Lengths without end, so that a row is not always cut at the same places.

    Normal round `span`, or for one in twenty round half of it (Merity, Keskar & Socher, 2018,
    §4.1).
    """
    draw = random.Random(seed)
    while True:
        base = span / 2 if draw.random() < HALVED else span
        yield max(min(SHORTEST, span), int(draw.gauss(base, spread)))


def with_random_resets(batches: Iterable[Batch], chance: float, seed: int) -> Iterator[Batch]:
    """The batches, each with a chance of beginning from a fresh state."""
    draw = random.Random(seed)
    for batch in batches:
        yield replace(batch, carry_state=False) if draw.random() < chance else batch


class StreamBatches(Batches):
    """Training batches of a text.

    Args:
        text: rows of text.
        tokenizer: its tokenizer.
        unit: whether a row is a "document" or a "line".
        rows: parallel streams.
        span: steps of a batch.
        spread: standard deviation of random spans, drawn anew each epoch; 0 for all alike.
        resets: start afresh where a document begins.
        afresh: the chance that a span starts afresh in every row, drawn anew each epoch.
        subword_regularization: subword regularisation, drawn anew each epoch; 0 for none.
        seed: of what is drawn.

    Raises:
        ValueError: a text shorter than one token a stream.
    """

    def __init__(
        self,
        text: Sequence[str],
        *,
        tokenizer: Tokenizer,
        unit: str,
        rows: int,
        span: int,
        spread: float = 0.0,
        resets: bool = False,
        afresh: float = 0.0,
        subword_regularization: float = 0.0,
        seed: int = 1,
    ) -> None:
        plain = encode_stream(text, tokenizer=tokenizer, unit=unit)
        if plain.tokens < rows:
            raise ValueError(f"{plain.tokens} tokens do not fill {rows} rows")
        super().__init__(plain.tokens // rows * rows)
        self.plain = plain
        self.text = text
        self.tokenizer = tokenizer
        self.unit = unit
        self.rows = rows
        self.span = span
        self.spread = spread
        self.reset_at = tokenizer.end if resets else None
        self.afresh = afresh
        self.subword_regularization = subword_regularization
        self.seed = seed

    def measure(self, batch: Batch) -> int:
        return batch.tokens

    def of_epoch(self, epoch: int, skip: int) -> Iterator[Batch]:
        stream = self.stream(epoch)
        self.size = stream.tokens // self.rows * self.rows
        seed = mix_seeds(self.seed, epoch)
        batches = stream_batches(
            stream,
            rows=self.rows,
            span=self.span,
            lengths=random_bptt_lengths(self.span, self.spread, seed) if self.spread else None,
            reset_at=self.reset_at,
            whole=False,
        )
        batches = with_random_resets(batches, self.afresh, mix_seeds(self.seed, epoch, 1))
        return islice(batches, skip, None)

    def stream(self, epoch: int) -> TokenStream:
        """The text as ids: the same every epoch, but for sampling."""
        if not self.subword_regularization:
            return self.plain
        return encode_stream(
            self.text,
            tokenizer=self.tokenizer,
            unit=self.unit,
            subword_regularization=self.subword_regularization,
            seed=mix_seeds(self.seed, epoch),
        )
