"""Bucketing: every pair once in an epoch, maximum batch size, and resuming."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
import sentencepiece
import torch

from seqlstm.data.batching.buckets import BucketBatches, PairIds, bucket, select_ids
from seqlstm.data.batching.collate import collate_pairs, within_budget
from seqlstm.models.batch import Batch
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair
from tests.tiny import LINES, PAIRS

BUDGET, WINDOW = 90, 15

every_sampling = pytest.mark.parametrize("sampling", [0.0, 0.3])


def buckets_of(
    tokenizer: Tokenizer,
    *,
    ids: PairIds | None = None,
    subword_regularization: float = 0.0,
    seed: int = 1,
) -> BucketBatches:
    return BucketBatches(
        PAIRS,
        ids=ids,
        tokenizers=TokenizerPair.joint(tokenizer),
        max_tokens=BUDGET,
        shuffle_window=WINDOW,
        subword_regularization=subword_regularization,
        seed=seed,
    )


def epoch_of(batches: BucketBatches, epoch: int = 0) -> list[Batch]:
    return list(batches.of_epoch(epoch, 0))


def rows(batch: Batch) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The ids of each pair, without padding."""
    assert batch.source is not None
    assert batch.source_lengths is not None
    assert batch.lengths is not None
    sources, targets = batch.source.tolist(), batch.targets.tolist()
    lengths = zip(batch.source_lengths.tolist(), batch.lengths.tolist(), strict=True)
    return [
        (tuple(sources[row][:source]), tuple(targets[row][:target]))
        for row, (source, target) in enumerate(lengths)
    ]


def texts(batches: list[Batch], tokenizer: Tokenizer) -> list[tuple[str, str]]:
    pairs = [pair for batch in batches for pair in rows(batch)]
    return [(tokenizer.decode(source), tokenizer.decode(target)) for source, target in pairs]


def same(first: Batch, other: Batch) -> bool:
    return rows(first) == rows(other)


def test_a_batch_of_pairs_by_hand(tokenizer: Tokenizer) -> None:
    begin, end, pad = tokenizer.begin, tokenizer.end, tokenizer.pad
    batch = collate_pairs([[5, 6], [7], []], [[8], [9, 10], [11]], TokenizerPair.joint(tokenizer))
    assert batch.source is not None
    assert batch.source_lengths is not None
    assert batch.lengths is not None
    assert batch.source.tolist() == [[5, 6, end], [7, end, pad], [end, pad, pad]]
    assert batch.source_lengths.tolist() == [3, 2, 1]
    assert batch.inputs.tolist() == [[begin, 8, end], [begin, 9, 10], [begin, 11, end]]
    assert batch.targets.tolist() == [[8, end, pad], [9, 10, end], [11, end, pad]]
    assert batch.lengths.tolist() == [2, 3, 2]
    assert batch.target_index.tolist() == [0, 1, 2, 3, 4, 5, 7]
    assert not batch.carry_state


def test_the_budget_by_hand() -> None:
    assert within_budget([3, 3, 3, 5, 2], 6) == [[0, 1], [2], [3], [4]]
    assert within_budget([1, 1, 4, 1], 4) == [[0, 1], [2], [3]]
    assert within_budget([9, 1, 1], 4) == [[0], [1, 2]]
    assert within_budget([], 4) == []


@pytest.mark.parametrize("tokens", [1, 7, 20, 1000])
def test_buckets_hold_every_index_once_within_the_budget(tokens: int) -> None:
    lengths = torch.randint(0, 9, (2, 40), generator=torch.Generator().manual_seed(0)).tolist()
    sources, targets = ([[5] * length for length in side] for side in lengths)
    parts = bucket(sources, targets, tokens)
    assert sorted(index for part in parts for index in part) == list(range(40))
    for part in parts:
        longest = max(max(len(sources[i]), len(targets[i])) + 1 for i in part)
        assert len(part) == 1 or longest * len(part) <= tokens
    assert (tokens < 1000) == (len(parts) > 1)


@every_sampling
def test_an_epoch_has_every_pair_once(tokenizer: Tokenizer, sampling: float) -> None:
    batches = buckets_of(tokenizer, subword_regularization=sampling)
    for epoch in (0, 1, 7):
        assert Counter(texts(epoch_of(batches, epoch), tokenizer)) == Counter(PAIRS)


@every_sampling
def test_no_batch_exceeds_the_budget(tokenizer: Tokenizer, sampling: float) -> None:
    for batch in epoch_of(buckets_of(tokenizer, subword_regularization=sampling)):
        assert batch.source is not None
        assert batch.source.numel() <= BUDGET
        assert batch.inputs.numel() <= BUDGET
        assert torch.equal(batch.inputs[:, 1:], batch.targets[:, :-1])


@every_sampling
def test_every_epoch_has_another_order(tokenizer: Tokenizer, sampling: float) -> None:
    batches = buckets_of(tokenizer, subword_regularization=sampling)
    first, second = (texts(epoch_of(batches, epoch), tokenizer) for epoch in (0, 1))
    other = texts(
        epoch_of(buckets_of(tokenizer, subword_regularization=sampling, seed=2)), tokenizer
    )
    again = texts(epoch_of(buckets_of(tokenizer, subword_regularization=sampling)), tokenizer)
    assert first != second
    assert first != other
    assert first == again


def test_a_joint_tokenizer_samples_both_sides_with_one_seed(tokenizer: Tokenizer) -> None:
    lines = [*LINES, *(target for _, target in PAIRS)]
    sources, targets = buckets_of(tokenizer, subword_regularization=0.3).encode(PAIRS, 7)
    assert [*sources, *targets] == tokenizer.sample(lines, alpha=0.3, seed=7)


def test_two_tokenizers_have_different_seeds(tokenizer: Tokenizer) -> None:
    """Also for equal tokenizers and equal lines: no side depends on the other."""
    tokenizer_pair = TokenizerPair(tokenizer, Tokenizer(tokenizer.model))
    equal_pairs, fewer = [(line, line) for line in LINES], [(line, "") for line in LINES]
    encode = BucketBatches(
        equal_pairs,
        tokenizers=tokenizer_pair,
        max_tokens=BUDGET,
        shuffle_window=WINDOW,
        subword_regularization=0.3,
    ).encode
    sources, targets = encode(equal_pairs, 7)
    assert tokenizer.decode_batch(sources) == tokenizer.decode_batch(targets) == LINES
    assert sum(first != other for first, other in zip(sources, targets, strict=True)) > 20
    assert encode(fewer, 7)[0] == sources
    assert encode(equal_pairs, 8)[1] != targets
    assert encode(equal_pairs, 7) == (sources, targets)


def test_each_side_has_its_own_ids(tokenizer: Tokenizer, tmp_path: Path) -> None:
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES),
        model_prefix=str(tmp_path / "foreign"),
        vocab_size=40,
        pad_id=3,
        minloglevel=2,
    )
    other = Tokenizer.load(tmp_path / "foreign.model")
    assert (other.begin, other.end, other.pad) == (1, 2, 3)
    assert (tokenizer.begin, tokenizer.end, tokenizer.pad) == (2, 3, 0)
    batch = collate_pairs([[5, 6], []], [[8], [9, 10]], TokenizerPair(other, tokenizer))
    assert batch.source is not None
    assert batch.source.tolist() == [[5, 6, 2], [2, 3, 3]]
    assert batch.inputs.tolist() == [[2, 8, 3], [2, 9, 10]]
    assert batch.targets.tolist() == [[8, 3, 0], [9, 10, 3]]


def test_sampling_segments_every_epoch_differently(tokenizer: Tokenizer) -> None:
    plain = set(rows_of_epoch(tokenizer, epoch=0, subword_regularization=0.0))
    first, second = (
        set(rows_of_epoch(tokenizer, epoch=epoch, subword_regularization=0.3)) for epoch in (0, 1)
    )
    assert plain == set(rows_of_epoch(tokenizer, epoch=1, subword_regularization=0.0))
    assert len(first & second) < len(plain) // 2
    assert len(first & plain) < len(plain) // 2


def rows_of_epoch(
    tokenizer: Tokenizer, *, epoch: int, subword_regularization: float
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    buckets = buckets_of(tokenizer, subword_regularization=subword_regularization)
    batches = epoch_of(buckets, epoch)
    return rows_of(batches)


def rows_of(batches: list[Batch]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    return [pair for batch in batches for pair in rows(batch)]


def test_given_ids_are_used(tokenizer: Tokenizer) -> None:
    """The batches are the same as with encoding, and no line is encoded again."""
    sources, targets = ([pair[side] for pair in PAIRS] for side in (0, 1))
    encoded = tokenizer.encode_batch(sources), tokenizer.encode_batch(targets)
    batches = buckets_of(tokenizer, ids=encoded)
    assert list(map(rows, epoch_of(batches))) == list(map(rows, epoch_of(buckets_of(tokenizer))))
    reversed_ids = [ids[::-1] for ids in encoded[0]], [ids[::-1] for ids in encoded[1]]
    counts = Counter(rows_of(epoch_of(buckets_of(tokenizer, ids=reversed_ids))))
    end = tokenizer.end
    assert counts == Counter(
        ((*source, end), (*target, end)) for source, target in zip(*reversed_ids, strict=True)
    )


def test_selected_ids_are_those_of_the_rows() -> None:
    sources, targets = select_ids([[1, 2], [3], []], [[4], [5, 70_000], [6]], [1, 2])
    assert [list(ids) for ids in sources] == [[3], []]
    assert [list(ids) for ids in targets] == [[5, 70_000], [6]]


def test_given_ids_are_not_used_with_subword_regularization(tokenizer: Tokenizer) -> None:
    none: tuple[list[list[int]], list[list[int]]] = [[] for _ in PAIRS], [[] for _ in PAIRS]
    sampled = buckets_of(tokenizer, subword_regularization=0.3, ids=none)
    expected = buckets_of(tokenizer, subword_regularization=0.3)
    assert rows_of(epoch_of(sampled)) == rows_of(epoch_of(expected))


@every_sampling
def test_resuming_at_any_batch_returns_the_same_batches(
    tokenizer: Tokenizer, sampling: float
) -> None:
    whole = buckets_of(tokenizer, subword_regularization=sampling)
    count = len(epoch_of(whole)) + 3
    expected = list(islice(whole, count))
    for done in range(count):
        stopped = buckets_of(tokenizer, subword_regularization=sampling)
        assert len(list(islice(stopped, done))) == done
        position = json.loads(json.dumps(stopped.state_dict()))
        resumed = buckets_of(tokenizer, subword_regularization=sampling)
        resumed.load_state_dict(position)
        assert resumed.epochs == stopped.epochs
        rest = list(islice(resumed, count - done))
        assert all(map(same, rest, expected[done:]))
        assert resumed.state_dict() == whole.state_dict()


def test_epochs_count_rows(tokenizer: Tokenizer) -> None:
    batches = buckets_of(tokenizer)
    assert batches.epochs == 0
    seen = 0
    for number, batch in enumerate(islice(batches, len(epoch_of(batches))), 1):
        seen += len(batch.inputs)
        assert batches.epochs == seen / len(PAIRS)
        expected = {
            "epoch": 0,
            "batch_in_epoch": number,
            "consumed": seen,
            "epoch_size": len(PAIRS),
        }
        assert batches.state_dict() == expected
    assert batches.epochs == 1
    batch = next(iter(batches))
    assert batches.epochs == 1 + len(batch.inputs) / len(PAIRS)
