from __future__ import annotations

import math

import pytest
import torch

from seqlstm.inference.scoring import (
    Score,
    TruncationWarning,
    batches_by_length,
    make_score,
    truncate,
)
from seqlstm.text.tokenizer import Tokenizer

SCORE = Score("ab", ["▁a", "b", "</s>"], [math.log(0.5), math.log(0.25), math.log(0.125)])


def test_a_score_by_hand() -> None:
    assert SCORE.log_probability == pytest.approx(math.log(1 / 64))
    assert SCORE.perplexity == pytest.approx(4)
    assert SCORE.surprisals == pytest.approx([1, 2, 3])
    assert SCORE.surprisal == pytest.approx(6)


def test_a_score_leaves_padding_out(tokenizer: Tokenizer) -> None:
    ids = [*tokenizer.encode("Nobody"), tokenizer.end]
    values = -torch.arange(float(len(ids) + 3))
    score = make_score("Nobody", ids, values, tokenizer)
    assert score.pieces == tokenizer.pieces(ids)
    assert score.log_probabilities == [-float(place) for place in range(len(ids))]


def test_truncation_warns_once_for_all_lines() -> None:
    rows = [[1, 2], [1, 2, 3], [], [1, 2, 3, 4]]
    message = "truncated 2 lines of more than 2 pieces"
    with pytest.warns(TruncationWarning, match=message) as caught:
        assert truncate(rows, 2, what="line") == [[1, 2], [1, 2], [], [1, 2]]
    assert len(caught) == 1
    with pytest.warns(TruncationWarning, match="truncated 1 source of more than 3 pieces"):
        truncate(rows, 3, what="source")


def test_short_lines_are_not_truncated(recwarn: pytest.WarningsRecorder) -> None:
    assert truncate([[1, 2], []], 2, what="line") == [[1, 2], []]
    assert not recwarn.list


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_batches_have_rows_of_similar_lengths(batch: int) -> None:
    lengths = [5, 1, 3, 1, 0, 9, 3]
    parts = list(batches_by_length(lengths, batch))
    assert sorted(index for part in parts for index in part) == list(range(7))
    assert all(len(part) <= batch for part in parts)
    ordered = [lengths[index] for part in parts for index in part]
    assert ordered == sorted(lengths)
