"""Text to batches: buckets of pairs, tapes of text, each with a position to resume from.

A batch of training is a pure function of (seed, epoch, place in the epoch): a resumed run draws what
the run that was never stopped would have drawn.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from seqlstm.models.batch import Batch, real_positions
from seqlstm.text.tokenizer import Tokenizer

BLOCK = 1024  # documents that are encoded, and sampled from one seed, together


class Position(TypedDict):
    """Where the next batch stands."""

    epoch: int
    place: int


def mixed(*parts: int) -> int:
    """One seed of several: the same wherever and whenever it is computed."""
    return zlib.crc32("/".join(map(str, parts)).encode())


def pair_batch(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], tokenizer: Tokenizer
) -> Batch:
    """Pairs of ids, padded right. A source ends with </s>; a target is told from <s> to </s>."""
    source = [torch.tensor([*ids, tokenizer.end]) for ids in sources]
    target = [torch.tensor([tokenizer.begin, *ids, tokenizer.end]) for ids in targets]
    padded = pad_sequence(target, batch_first=True, padding_value=tokenizer.pad)
    lengths = torch.tensor([len(ids) - 1 for ids in target])
    return Batch(
        inputs=padded[:, :-1],
        targets=padded[:, 1:],
        real=real_positions(lengths, padded.shape[1] - 1),
        lengths=lengths,
        source=pad_sequence(source, batch_first=True, padding_value=tokenizer.pad),
        source_lengths=torch.tensor([len(ids) for ids in source]),
    )


def within_budget(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Cut indices, in the order given, into batches whose rows times longest row is at most `tokens`.

    A row longer than the budget is a batch by itself.
    """
    batches: list[list[int]] = []
    longest = 0
    for index, length in enumerate(lengths):
        longest = max(longest, length)
        if not batches or longest * (len(batches[-1]) + 1) > tokens:
            batches.append([])
            longest = length
        batches[-1].append(index)
    return batches


def bucket(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], tokens: int
) -> list[list[int]]:
    """Indices of pairs by batch: sorted by length, then cut by a budget of padded tokens."""
    size = [max(len(s), len(t)) + 1 for s, t in zip(sources, targets, strict=True)]
    order = sorted(range(len(size)), key=lambda i: (size[i], len(targets[i]), len(sources[i])))
    return [[order[i] for i in part] for part in within_budget([size[i] for i in order], tokens)]


class PairBuckets:
    """Training batches of pairs, epoch after epoch, without end.

    Every epoch is shuffled, cut into windows, and each window encoded (sampled anew, if asked),
    sorted into batches, and these shuffled.

    Args:
        pairs: source and target lines.
        tokenizer: of both sides.
        tokens: budget of a batch: rows times the longest row, at most.
        window: pairs that are sorted together.
        sampling: subword regularisation; 0 for none.
        seed: of order and sampling.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[str, str]],
        *,
        tokenizer: Tokenizer,
        tokens: int,
        window: int,
        sampling: float = 0.0,
        seed: int = 1,
    ) -> None:
        self.pairs = pairs
        self.tokenizer = tokenizer
        self.tokens = tokens
        self.window = window
        self.sampling = sampling
        self.seed = seed
        self.epoch = 0
        self.place = 0  # batches of this epoch already drawn

    def state_dict(self) -> Position:
        return {"epoch": self.epoch, "place": self.place}

    def load_state_dict(self, position: Position) -> None:
        self.epoch, self.place = position["epoch"], position["place"]

    def __iter__(self) -> Iterator[Batch]:
        while True:
            for place, batch in enumerate(self.of_epoch(self.epoch, self.place), self.place):
                self.place = place + 1
                yield batch
            self.epoch, self.place = self.epoch + 1, 0

    def of_epoch(self, epoch: int, skip: int) -> Iterator[Batch]:
        """The batches of one epoch but the first `skip`."""
        generator = torch.Generator().manual_seed(mixed(self.seed, epoch))
        order = torch.randperm(len(self.pairs), generator=generator).tolist()
        for number, start in enumerate(range(0, len(order), self.window)):
            chosen = [self.pairs[index] for index in order[start : start + self.window]]
            sources, targets = self.encode(chosen, mixed(self.seed, epoch, number))
            batches = bucket(sources, targets, self.tokens)
            random.Random(mixed(self.seed, epoch, number)).shuffle(batches)
            for rows in batches[skip:]:
                yield pair_batch(
                    [sources[row] for row in rows], [targets[row] for row in rows], self.tokenizer
                )
            skip = max(0, skip - len(batches))

    def encode(
        self, pairs: Sequence[tuple[str, str]], seed: int
    ) -> tuple[list[list[int]], list[list[int]]]:
        lines = [source for source, _ in pairs] + [target for _, target in pairs]
        if self.sampling:
            ids = self.tokenizer.sample(lines, alpha=self.sampling, seed=seed)
        else:
            ids = self.tokenizer.encode_batch(lines)
        return ids[: len(pairs)], ids[len(pairs) :]


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


class Tapes:
    """Training batches of a text, epoch after epoch, without end.

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
        self.text = text
        self.tokenizer = tokenizer
        self.unit = unit
        self.rows = rows
        self.span = span
        self.reset_at = tokenizer.end if resets else None
        self.sampling = sampling
        self.seed = seed
        self.epoch = 0
        self.place = 0
        self.plain = encode_stream(text, tokenizer=tokenizer, unit=unit)
        if self.plain.tokens < rows:
            raise ValueError(f"{self.plain.tokens} tokens do not fill {rows} rows")

    def state_dict(self) -> Position:
        return {"epoch": self.epoch, "place": self.place}

    def load_state_dict(self, position: Position) -> None:
        self.epoch, self.place = position["epoch"], position["place"]

    def __iter__(self) -> Iterator[Batch]:
        while True:
            batches = tape_batches(
                self.of_epoch(self.epoch),
                rows=self.rows,
                span=self.span,
                reset_at=self.reset_at,
                whole=False,
            )
            for place, batch in enumerate(batches):
                if place >= self.place:
                    self.place = place + 1
                    yield batch
            self.epoch, self.place = self.epoch + 1, 0

    def of_epoch(self, epoch: int) -> Stream:
        if not self.sampling:
            return self.plain
        return encode_stream(
            self.text,
            tokenizer=self.tokenizer,
            unit=self.unit,
            sampling=self.sampling,
            seed=mixed(self.seed, epoch),
        )
