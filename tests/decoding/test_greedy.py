"""Greedy search equals beam search with `beam_size=1`, and argmax at every step."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqlstm.decoding.beam import beam_search
from seqlstm.decoding.constraints import forbid_tokens
from seqlstm.decoding.greedy import greedy_search
from seqlstm.recurrent.state import State, select
from tests.decoding.cases import BEGIN, END, FREE, Case
from tests.decoding.language import Language, close, greedy_ids

SENTENCES = 7
LIMITS = torch.tensor([3, 20, 1, 7, 7, 12, 5])


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("case", FREE, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_greedy_search_equals_beam_size_one(seed: int, case: Case, alpha: float) -> None:
    language = Language.random(seed=seed, vocabulary=6)
    start = language.states(SENTENCES)
    bias = 2 * torch.randn(SENTENCES, 6, generator=torch.Generator().manual_seed(seed))
    options = {"bos": BEGIN, "eos": END, "maximum": LIMITS, "length_penalty": alpha}
    options |= {"state": start, "memory": (bias,), **case.options(range(SENTENCES))}
    results = greedy_search(language.advance, **options)
    for one, other in zip(
        results, beam_search(language.advance, beam_size=1, **options), strict=True
    ):
        assert close(one, other)


@pytest.mark.parametrize("seed", range(6))
def test_greedy_search_is_argmax_step_by_step(seed: int) -> None:
    language = Language.random(seed=seed, vocabulary=9)
    state = language.states(SENTENCES)
    results = greedy_search(
        language.advance, state=state, memory=None, bos=BEGIN, eos=END, maximum=LIMITS
    )
    for number, [best] in enumerate(results):
        maximum = int(LIMITS[number])
        alone = select(state, torch.tensor([number]))
        assert best.ids == greedy_ids(language, alone, None, bos=BEGIN, eos=END, maximum=maximum)
        assert best.finished == (len(best.ids) < maximum)


def test_finished_sentences_leave_the_batch() -> None:
    rows: list[int] = []

    def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        (left,) = state
        rows.append(len(token))
        ends = torch.nn.functional.one_hot(torch.where(left == 0, END, 2), 4).float()
        return 9 * ends, (left - 1,)

    left = torch.tensor([3, 0, 1, 3])
    results = greedy_search(
        advance,
        state=(left,),
        memory=None,
        bos=BEGIN,
        eos=END,
        maximum=torch.full_like(left, 10),
    )
    assert [one.ids for [one] in results] == [[2, 2, 2], [], [2], [2, 2, 2]]
    assert rows == [4, 3, 2, 2]


def test_no_hypothesis_if_no_token_is_possible() -> None:
    language = Language.random(seed=1, vocabulary=4)
    results = greedy_search(
        language.advance,
        state=language.states(2),
        memory=None,
        bos=BEGIN,
        eos=END,
        maximum=torch.tensor([3, 4]),
        constraints=[forbid_tokens(range(4))],
    )
    assert results == [[], []]


def test_no_sentences() -> None:
    language = Language.random(seed=1, vocabulary=4)
    nothing = torch.empty(0, dtype=torch.long)
    options = {"memory": None, "bos": BEGIN, "eos": END, "maximum": nothing}
    assert greedy_search(language.advance, state=language.states(0), **options) == []
