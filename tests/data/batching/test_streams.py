"""Contiguous streams: the whole text in order, parallel rows, and resuming."""

from __future__ import annotations

import json
from itertools import islice
from statistics import mean, stdev
from typing import Any

import pytest
import torch

from seqlstm.data.batching.streams import (
    StreamBatches,
    TokenStream,
    encode_stream,
    random_bptt_lengths,
    stream_batches,
)
from seqlstm.models.batch import Batch
from seqlstm.text.tokenizer import Tokenizer
from tests.tiny import DOCUMENTS, LINES

ROWS, SPAN = 3, 10

every_unit = pytest.mark.parametrize("unit", ["line", "document"])
every_sampling = pytest.mark.parametrize("sampling", [0.0, 0.3])
every_size = pytest.mark.parametrize(
    ("tokens", "rows", "span"),
    [(10, 3, 2), (12, 3, 4), (11, 4, 100), (5, 1, 2), (4, 3, 1), (7, 7, 3)],
)


def text_of(unit: str) -> list[str]:
    return LINES if unit == "line" else DOCUMENTS


def batches_of(tokenizer: Tokenizer, unit: str = "document", **options: Any) -> StreamBatches:
    settings = {"batch_size": ROWS, "bptt": SPAN, **options}
    return StreamBatches(text_of(unit), tokenizer=tokenizer, unit=unit, **settings)


def numbered(tokens: int) -> TokenStream:
    """A stream whose ids are their own positions."""
    return TokenStream(torch.arange(tokens + 1))


def same(first: Batch, other: Batch) -> bool:
    return (
        torch.equal(first.inputs, other.inputs)
        and torch.equal(first.targets, other.targets)
        and first.carry_state == other.carry_state
        and first.lr_factor == other.lr_factor
    )


@every_sampling
def test_lines_end_with_newlines(tokenizer: Tokenizer, sampling: float) -> None:
    stream = encode_stream(LINES, tokenizer=tokenizer, unit="line", subword_regularization=sampling)
    ids = stream.ids.tolist()
    assert stream.tokens == len(ids) - 1
    assert ids[0] == ids[-1] == tokenizer.newline
    assert ids[1:].count(tokenizer.newline) == len(LINES)
    assert tokenizer.decode(ids[1:]) == "".join(f"{line}\n" for line in LINES)


@every_sampling
def test_documents_end_with_the_end(tokenizer: Tokenizer, sampling: float) -> None:
    stream = encode_stream(
        DOCUMENTS, tokenizer=tokenizer, unit="document", subword_regularization=sampling
    )
    ids = stream.ids.tolist()
    assert ids[0] == ids[-1] == tokenizer.end
    documents: list[list[int]] = [[]]
    for token in ids[1:]:
        if token == tokenizer.end:
            documents.append([])
        else:
            documents[-1].append(token)
    assert [tokenizer.decode(document) for document in documents] == [*DOCUMENTS, ""]


def test_an_empty_row_still_ends(tokenizer: Tokenizer) -> None:
    end, newline = tokenizer.end, tokenizer.newline
    documents = encode_stream(["", ""], tokenizer=tokenizer, unit="document")
    assert documents.ids.tolist() == [end, end, end]
    assert encode_stream([""], tokenizer=tokenizer, unit="line").ids.tolist() == [newline, newline]


@every_unit
def test_encoding_in_blocks_changes_nothing(
    tokenizer: Tokenizer, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = encode_stream(text_of(unit), tokenizer=tokenizer, unit=unit)
    monkeypatch.setattr("seqlstm.data.batching.streams.BLOCK", 5)
    blocks = encode_stream(text_of(unit), tokenizer=tokenizer, unit=unit)
    assert torch.equal(blocks.ids, whole.ids)


@every_size
def test_without_drop_last_every_token_is_a_target_once(tokens: int, rows: int, span: int) -> None:
    target_ids: list[int] = []
    for batch in stream_batches(numbered(tokens), batch_size=rows, bptt=span):
        assert len(batch.inputs) == rows
        assert batch.inputs.shape[1] <= span
        assert torch.equal(batch.targets, batch.inputs + 1)
        target_ids += batch.targets.t().flatten()[batch.target_index].tolist()
    assert sorted(target_ids) == list(range(1, tokens + 1))


@every_size
def test_drop_last_leaves_out_only_a_remainder(tokens: int, rows: int, span: int) -> None:
    batches = list(stream_batches(numbered(tokens), batch_size=rows, bptt=span, drop_last=True))
    joined = torch.cat([batch.inputs for batch in batches], 1)
    steps = tokens // rows
    assert joined.flatten().tolist() == list(range(rows * steps))
    assert all(batch.tokens == batch.inputs.numel() for batch in batches)
    assert all(batch.inputs.shape[1] == span for batch in batches[:-1])


@pytest.mark.parametrize("drop_last", [True, False])
def test_the_state_is_carried_from_batch_to_batch(drop_last: bool) -> None:
    batches = stream_batches(numbered(20), batch_size=2, bptt=4, drop_last=drop_last)
    assert [batch.carry_state for batch in batches] == [False, True, True]


def test_random_lengths_have_the_distribution_of_the_paper() -> None:
    lengths = list(islice(random_bptt_lengths(70, 5.0, seed=3), 20_000))
    long = [length for length in lengths if length > 52]
    short = [length for length in lengths if length <= 52]
    assert len(short) / len(lengths) == pytest.approx(0.05, abs=0.005)
    for lengths, base in ((long, 70), (short, 35)):
        assert mean(lengths) == pytest.approx(base - 0.5, abs=0.5)  # cut to whole steps
        assert stdev(lengths) == pytest.approx(5, abs=0.3)
    assert min(islice(random_bptt_lengths(12, 30.0, seed=3), 1000)) == 5
    assert set(islice(random_bptt_lengths(2, 0.001, seed=3), 100)) == {2}


def test_random_lengths_cover_the_same_text_and_scale_the_learning_rate(
    tokenizer: Tokenizer,
) -> None:
    even, random = batches_of(tokenizer), batches_of(tokenizer, bptt_std=3.0)
    spans = []
    for epoch in (0, 1):
        batches = list(random.of_epoch(epoch, 0))
        lengths = [batch.inputs.shape[1] for batch in batches]
        assert [batch.lr_factor * SPAN for batch in batches[:-1]] == pytest.approx(lengths[:-1])
        assert batches[-1].lr_factor * SPAN >= lengths[-1]
        whole = torch.cat([batch.targets for batch in even.of_epoch(epoch, 0)], 1)
        assert torch.equal(torch.cat([batch.targets for batch in batches], 1), whole)
        spans.append(lengths)
    assert len(set(spans[0])) > 3
    assert spans[0] != spans[1]
    other = batches_of(tokenizer, bptt_std=3.0, seed=2)
    assert [batch.inputs.shape[1] for batch in other.of_epoch(0, 0)] != spans[0]
    assert all(batch.lr_factor == 1 for batch in even.of_epoch(0, 0))


def test_documents_start_from_the_initial_state(tokenizer: Tokenizer) -> None:
    begun = 0
    for batch in batches_of(tokenizer, reset_at_document=True).of_epoch(0, 0):
        assert batch.resets is not None
        assert torch.equal(batch.resets, batch.inputs == tokenizer.end)
        begun += int(batch.resets.sum())
    assert begun == len(DOCUMENTS)
    assert next(iter(batches_of(tokenizer))).resets is None


def test_batches_start_from_the_initial_state_at_random(tokenizer: Tokenizer) -> None:
    carried = batches_of(tokenizer, bptt=1)
    assert [batch.carry_state for batch in carried.of_epoch(0, 0)][:3] == [False, True, True]
    begun = []
    for streams in (carried, batches_of(tokenizer, bptt=1, reset_probability=0.3)):
        whole = [batch for epoch in range(20) for batch in streams.of_epoch(epoch, 0)]
        begun.append([not batch.carry_state for batch in whole])
        assert torch.equal(torch.cat([b.targets for b in whole], 1), targets_of(carried, 20))
    assert sum(begun[0]) == 20
    assert mean(begun[1]) == pytest.approx(0.3, abs=0.05)
    assert all(both for both, first in zip(begun[1], begun[0], strict=True) if first)
    length = len(begun[1]) // 20
    assert begun[1][:length] != begun[1][length : 2 * length]
    always = batches_of(tokenizer, reset_probability=1.0)
    assert not any(batch.carry_state for batch in always.of_epoch(0, 0))


def targets_of(streams: StreamBatches, epochs: int) -> torch.Tensor:
    whole = [batch.targets for epoch in range(epochs) for batch in streams.of_epoch(epoch, 0)]
    return torch.cat(whole, 1)


@every_unit
@every_sampling
def test_an_epoch_is_the_text(tokenizer: Tokenizer, unit: str, sampling: float) -> None:
    streams = batches_of(tokenizer, unit, subword_regularization=sampling)
    for epoch in (0, 1):
        stream = streams.stream(epoch)
        batches = list(streams.of_epoch(epoch, 0))
        joined = torch.cat([batch.targets for batch in batches], 1).flatten()
        assert torch.equal(joined, stream.ids[1 : len(joined) + 1])
        assert stream.tokens - len(joined) < ROWS
        assert streams.epoch_size == len(joined) == sum(batch.tokens for batch in batches)


@every_unit
def test_sampling_segments_every_epoch_differently(tokenizer: Tokenizer, unit: str) -> None:
    streams = batches_of(tokenizer, unit, subword_regularization=0.3)
    first, second = (streams.stream(epoch).ids for epoch in (0, 1))
    assert not torch.equal(first, second)
    assert tokenizer.decode(first.tolist()) == tokenizer.decode(second.tolist())
    assert torch.equal(first, batches_of(tokenizer, unit, subword_regularization=0.3).stream(0).ids)
    assert not torch.equal(
        first, batches_of(tokenizer, unit, subword_regularization=0.3, seed=2).stream(0).ids
    )
    plain = batches_of(tokenizer, unit)
    assert torch.equal(plain.stream(0).ids, plain.stream(1).ids)


@every_sampling
@pytest.mark.parametrize("spread", [0.0, 3.0])
def test_resuming_at_any_batch_returns_the_same_batches(
    tokenizer: Tokenizer, sampling: float, spread: float
) -> None:
    whole = batches_of(
        tokenizer, subword_regularization=sampling, bptt_std=spread, reset_probability=0.3
    )
    count = len(list(whole.of_epoch(0, 0))) + 3
    expected = list(islice(whole, count))
    for done in range(count):
        stopped = batches_of(
            tokenizer, subword_regularization=sampling, bptt_std=spread, reset_probability=0.3
        )
        assert len(list(islice(stopped, done))) == done
        resumed = batches_of(
            tokenizer, subword_regularization=sampling, bptt_std=spread, reset_probability=0.3
        )
        resumed.load_state_dict(json.loads(json.dumps(stopped.state_dict())))
        assert resumed.epochs == stopped.epochs
        rest = list(islice(resumed, count - done))
        assert all(map(same, rest, expected[done:]))
        assert resumed.state_dict() == whole.state_dict()


@every_sampling
def test_epochs_count_tokens(tokenizer: Tokenizer, sampling: float) -> None:
    streams = batches_of(tokenizer, subword_regularization=sampling)
    assert streams.epochs == 0
    count = len(list(streams.of_epoch(0, 0)))
    consumed = 0
    for batch in islice(streams, count):
        consumed += batch.tokens
        assert streams.epochs == consumed / streams.epoch_size
    assert streams.epochs == 1
    expected = {"epoch": 0, "batch_in_epoch": count, "consumed": consumed, "epoch_size": consumed}
    assert streams.state_dict() == expected


def test_a_text_with_fewer_tokens_than_streams(tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match="1 tokens do not fill 2 rows"):
        StreamBatches([""], tokenizer=tokenizer, unit="document", batch_size=2, bptt=5)
