"""Text as contiguous streams side by side, read in spans, the state carried from span to span."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from seqlstm.data.batches import Batches, mixed
from seqlstm.models.batch import Batch
from seqlstm.text.tokenizer import Tokenizer

BLOCK = 1024  # documents that are encoded, and sampled from one seed, together


@dataclass(frozen=True)
class Stream:
    """A text as one sequence of ids, (tokens + 1,): each is to be told from those before it."""

    ids: Tensor

    @property
    def tokens(self) -> int:
        return len(self.ids) - 1


def encode_stream(
    rows: Sequence[str], *, tokenizer: Tokenizer, unit: str, sampling: float = 0.0, seed: int = 0
) -> Stream:
    """Rows of text as one stream: lines each ended by a newline, or documents each by </s>.

    It opens with what would have ended the row before the first.
    """
    lines = unit == "line"
    pieces: list[Tensor] = []
    for number, start in enumerate(range(0, len(rows), BLOCK)):
        block = [f"{row}\n" if lines else row for row in rows[start : start + BLOCK]]
        if sampling:
            ids = tokenizer.sample(block, alpha=sampling, seed=mixed(seed, number))
        else:
            ids = tokenizer.encode_batch(block)
        pieces += [torch.tensor(one if lines else [*one, tokenizer.end]) for one in ids]
    opening = tokenizer.encode("\n")[-1] if lines else tokenizer.end
    return Stream(torch.cat([torch.tensor([opening]), *pieces]))


def tape_batches(
    stream: Stream, *, rows: int, span: int, reset_at: int | None = None, whole: bool = True
) -> Iterator[Batch]:
    """The stream as `rows` contiguous parts side by side, span after span.

    Args:
        stream: the text.
        rows: parts.
        span: steps of a batch; the last may be shorter.
        reset_at: the id after which a row starts afresh.
        whole: pad the last part rather than leave a remainder of fewer than `rows` tokens out.
    """
    steps = stream.tokens // rows if not whole else -(-stream.tokens // rows)
    starts = torch.arange(rows) * steps
    for begin in range(0, steps, span):
        time = torch.arange(begin, min(begin + span, steps))
        place = starts.unsqueeze(1) + time  # (rows, time)
        real = (place < stream.tokens).t().flatten().nonzero().squeeze(1)
        place = place.clamp(max=stream.tokens - 1)
        inputs = stream.ids[place]
        yield Batch(
            inputs=inputs,
            targets=stream.ids[place + 1],
            real=real,
            resets=None if reset_at is None else inputs == reset_at,
            follows=begin > 0,
        )


class Tapes(Batches):
    """Training batches of a text.

    Args:
        text: rows of text.
        tokenizer: its tokenizer.
        unit: whether a row is a "document" or a "line".
        rows: parallel streams.
        span: steps of a batch.
        resets: start afresh where a document begins.
        sampling: subword regularisation, drawn anew each epoch; 0 for none.
        seed: of the sampling.

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
        resets: bool = False,
        sampling: float = 0.0,
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
        self.reset_at = tokenizer.end if resets else None
        self.sampling = sampling
        self.seed = seed

    def measure(self, batch: Batch) -> int:
        return batch.tokens

    def of_epoch(self, epoch: int, skip: int) -> Iterator[Batch]:
        stream = self.stream(epoch)
        self.size = stream.tokens // self.rows * self.rows
        batches = tape_batches(
            stream, rows=self.rows, span=self.span, reset_at=self.reset_at, whole=False
        )
        return islice(batches, skip, None)

    def stream(self, epoch: int) -> Stream:
        """The text as ids: the same every epoch, but for sampling."""
        if not self.sampling:
            return self.plain
        return encode_stream(
            self.text,
            tokenizer=self.tokenizer,
            unit=self.unit,
            sampling=self.sampling,
            seed=mixed(self.seed, epoch),
        )
