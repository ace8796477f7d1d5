"""Contiguous streams of text as the rows of batches, for truncated back-propagation."""

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

BLOCK = 1024  # rows that are encoded in one call, or sampled with one seed
HALF_LENGTH_PROBABILITY = 0.05  # of a random length around bptt / 2
MIN_BPTT = 5  # smallest random length, unless bptt is smaller


@dataclass(frozen=True)
class TokenStream:
    """A text as one sequence of ids, (tokens + 1,). The first id is context, not a target."""

    ids: Tensor

    @property
    def tokens(self) -> int:
        """Number of targets."""
        return len(self.ids) - 1


def encode_stream(
    rows: Sequence[str],
    *,
    tokenizer: Tokenizer,
    unit: str,
    subword_regularization: float = 0.0,
    seed: int = 0,
) -> TokenStream:
    """Rows of text as one stream: each line is followed by a newline, each document by </s>.

    The first id of the stream is the same separator.
    """
    lines = unit == "line"
    parts: list[Tensor] = []
    for number, start in enumerate(range(0, len(rows), BLOCK)):
        block = [f"{row}\n" if lines else row for row in rows[start : start + BLOCK]]
        if subword_regularization:
            encoded = tokenizer.sample(
                block, alpha=subword_regularization, seed=mix_seeds(seed, number)
            )
        else:
            encoded = tokenizer.encode_batch(block)
        parts += [torch.tensor(ids if lines else [*ids, tokenizer.end]) for ids in encoded]
    separator = tokenizer.encode("\n")[-1] if lines else tokenizer.end
    return TokenStream(torch.cat([torch.tensor([separator]), *parts]))


def stream_batches(
    stream: TokenStream,
    *,
    batch_size: int,
    bptt: int,
    lengths: Iterable[int] | None = None,
    reset_token: int | None = None,
    drop_last: bool = False,
) -> Iterator[Batch]:
    """Batches of a stream: its contiguous parts are the rows, and a batch has `bptt` steps of each.

    Args:
        stream: the text.
        batch_size: number of contiguous parts.
        bptt: steps of a batch; the last batch may have fewer.
        lengths: steps of each batch, instead of `bptt`; the learning rate is scaled by
            length / bptt (Merity, Keskar & Socher, 2018, §4.1).
        reset_token: the id after which a row starts from the initial state.
        drop_last: drop the last tokens, fewer than `batch_size`, so that all parts have the same
            length; otherwise the last part is padded.
    """
    steps = stream.tokens // batch_size if drop_last else -(-stream.tokens // batch_size)
    starts = torch.arange(batch_size) * steps
    begin = 0
    for length in lengths or repeat(bptt):
        if begin >= steps:
            return
        time = torch.arange(begin, min(begin + length, steps))
        positions = starts.unsqueeze(1) + time  # (batch, time)
        target_index = (positions < stream.tokens).t().flatten().nonzero().squeeze(1)
        positions = positions.clamp(max=stream.tokens - 1)
        inputs = stream.ids[positions]
        yield Batch(
            inputs=inputs,
            targets=stream.ids[positions + 1],
            target_index=target_index,
            resets=None if reset_token is None else inputs == reset_token,
            carry_state=begin > 0,
            lr_factor=length / bptt,
        )
        begin += length


def random_bptt_lengths(bptt: int, bptt_std: float, seed: int) -> Iterator[int]:
    """Random lengths without end, so that the text is not cut at the same tokens in every epoch.

    Normally distributed around `bptt`, or, with probability 0.05, around `bptt / 2` (Merity, Keskar
    & Socher, 2018, §4.1).
    """
    generator = random.Random(seed)
    while True:
        mean = bptt / 2 if generator.random() < HALF_LENGTH_PROBABILITY else bptt
        yield max(min(MIN_BPTT, bptt), int(generator.gauss(mean, bptt_std)))


def with_random_resets(batches: Iterable[Batch], probability: float, seed: int) -> Iterator[Batch]:
    """The batches; each starts from the initial state with this probability."""
    generator = random.Random(seed)
    for batch in batches:
        yield replace(batch, carry_state=False) if generator.random() < probability else batch


class StreamBatches(Batches):
    """Training batches of contiguous streams, for truncated back-propagation through time.

    Random lengths, resets and segmentations differ from epoch to epoch.

    Args:
        text: rows of text.
        tokenizer: of the text.
        unit: whether a row is a "document" or a "line".
        batch_size: number of parallel streams.
        bptt: steps of a batch.
        bptt_std: standard deviation of random lengths around `bptt`; 0 for a constant length.
        reset_at_document: whether every document starts from the initial state.
        reset_probability: with which all rows of a batch start from the initial state.
        subword_regularization: alpha of `Tokenizer.sample`; 0 to encode without sampling.
        seed: of lengths, resets and sampling.

    Raises:
        ValueError: the text has fewer tokens than streams.
    """

    def __init__(
        self,
        text: Sequence[str],
        *,
        tokenizer: Tokenizer,
        unit: str,
        batch_size: int,
        bptt: int,
        bptt_std: float = 0.0,
        reset_at_document: bool = False,
        reset_probability: float = 0.0,
        subword_regularization: float = 0.0,
        seed: int = 1,
    ) -> None:
        encoded = encode_stream(text, tokenizer=tokenizer, unit=unit)
        if encoded.tokens < batch_size:
            raise ValueError(f"{encoded.tokens} tokens do not fill {batch_size} rows")
        super().__init__(encoded.tokens // batch_size * batch_size)
        self.encoded = encoded
        self.text = text
        self.tokenizer = tokenizer
        self.unit = unit
        self.batch_size = batch_size
        self.bptt = bptt
        self.bptt_std = bptt_std
        self.reset_token = tokenizer.end if reset_at_document else None
        self.reset_probability = reset_probability
        self.subword_regularization = subword_regularization
        self.seed = seed

    def measure(self, batch: Batch) -> int:
        return batch.tokens

    def of_epoch(self, epoch: int, skip: int) -> Iterator[Batch]:
        stream = self.stream(epoch)
        self.epoch_size = stream.tokens // self.batch_size * self.batch_size
        seed = mix_seeds(self.seed, epoch)
        batches = stream_batches(
            stream,
            batch_size=self.batch_size,
            bptt=self.bptt,
            lengths=random_bptt_lengths(self.bptt, self.bptt_std, seed) if self.bptt_std else None,
            reset_token=self.reset_token,
            drop_last=True,
        )
        batches = with_random_resets(
            batches, self.reset_probability, mix_seeds(self.seed, epoch, 1)
        )
        return islice(batches, skip, None)

    def stream(self, epoch: int) -> TokenStream:
        """The text as ids: the same in every epoch unless subwords are sampled."""
        if not self.subword_regularization:
            return self.encoded
        return encode_stream(
            self.text,
            tokenizer=self.tokenizer,
            unit=self.unit,
            subword_regularization=self.subword_regularization,
            seed=mix_seeds(self.seed, epoch),
        )
