"""Sampling with a seed for each row."""

from __future__ import annotations

from math import log

import pytest
import torch

from seqlstm.decoding.random_streams import BLOCK, RandomStreams

CPU = torch.device("cpu")
LOGITS = torch.tensor([0.0, 1.0, 0.5, -1.0, log(2)])
STEPS = BLOCK + 40


def sampled_rows(*seeds: int) -> list[list[int]]:
    """`STEPS` tokens of each row."""
    streams = RandomStreams(seeds, CPU)
    return torch.stack([streams(LOGITS.expand(len(seeds), -1)) for _ in range(STEPS)]).t().tolist()


def test_a_row_depends_only_on_its_seed() -> None:
    [alone] = sampled_rows(7)
    assert sampled_rows(3, 7, 7, 4)[1:3] == [alone, alone]
    assert len({tuple(row) for row in sampled_rows(*range(20))}) == 20


def test_any_integer_is_a_seed() -> None:
    rows = sampled_rows(10**30, 10**30 + 1, -3)
    assert rows[:1] == sampled_rows(10**30)
    assert len({tuple(row) for row in rows}) == 3


def test_kept_rows_continue_their_streams() -> None:
    whole = sampled_rows(3, 7, 5)
    streams = RandomStreams([3, 7, 5], CPU)
    rows = [streams(LOGITS.expand(3, -1)).tolist() for _ in range(10)]
    streams.keep([0, 2])
    rest = [streams(LOGITS.expand(2, -1)).tolist() for _ in range(STEPS - 10)]
    assert [row[0] for row in rows] + [row[0] for row in rest] == whole[0]
    assert [row[2] for row in rows] + [row[1] for row in rest] == whole[2]


def test_tokens_have_their_probabilities() -> None:
    [tokens] = sampled_rows(1)
    more = [token for row in sampled_rows(*range(2, 30)) for token in row]
    counts = torch.tensor(tokens + more).bincount(minlength=5)
    assert (counts / counts.sum()).tolist() == pytest.approx(LOGITS.softmax(-1).tolist(), abs=0.02)
