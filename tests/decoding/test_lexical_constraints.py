"""Phrases that a language would never generate without constraints."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.decoding.beam import beam_search
from seqlstm.decoding.constraints import Prefix, forbid_phrases, force_prefixes
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.lexical_constraints import (
    LexicalConstraints,
    count_satisfied,
    round_robin_over_banks,
)
from seqlstm.recurrent.state import State
from tests.decoding.cases import BEGIN, END, contains
from tests.decoding.language import Language, close

PHRASES: list[list[list[int]]] = [
    [[5, 6, 7]],
    [[5], [6, 7], [8, 8]],
    [],
    [[5, 5, 6], [5, 6, 7]],
    [[6, 7], [6, 7]],
]
SENTENCES = len(PHRASES)


class Reluctant(Language):
    """A language that ends soon, and in which ids above 4 are improbable."""

    def advance(
        self, token: Tensor, state: State, memory: State | None
    ) -> tuple[Tensor, tuple[tuple[Tensor], Tensor]]:
        logits, after = super().advance(token, state, memory)
        logits[:, 5:] -= 30
        logits[:, END] += 3
        return logits, after


def search(state: State, **options: Any) -> list[list[Hypothesis]]:
    language = Reluctant.random(seed=3, vocabulary=9)
    settings = {"memory": None, "bos": BEGIN, "eos": END, "beam_size": 4, "maximum": 14, **options}
    return beam_search(language.advance, state=state, **settings)


STATE = Language.random(seed=3, vocabulary=9).states(SENTENCES)


@pytest.mark.parametrize("beam_size", [1, 2, 4, 9])
def test_phrases_appear_for_every_beam_size(beam_size: int) -> None:
    free = search(STATE, beam_size=beam_size)
    assert not any(set(range(5, 9)) & set(best.ids) for [best] in free)
    for phrases, [best] in zip(
        PHRASES,
        search(STATE, beam_size=beam_size, lexical_constraints=LexicalConstraints(PHRASES)),
        strict=True,
    ):
        assert best.finished
        assert all(contains(best.ids, phrase) for phrase in phrases)


@pytest.mark.parametrize("beam_size", [1, 3, 8])
def test_phrases_appear_at_the_smallest_maximum_length(beam_size: int) -> None:
    """The maximum length is that of the prefix, all phrases and eos."""
    prefix = [3, 2]
    room = [len(prefix) + len([*chain(*phrases)]) + 1 for phrases in PHRASES]
    options: dict[str, Any] = {
        "beam_size": beam_size,
        "constraints": [force_prefixes([prefix] * SENTENCES)],
    }
    results = search(
        STATE,
        maximum=torch.tensor(room),
        lexical_constraints=LexicalConstraints(PHRASES),
        **options,
    )
    for phrases, [best] in zip(PHRASES, results, strict=True):
        assert best.finished or not phrases
        assert best.ids[:2] == prefix
        assert all(contains(best.ids, phrase) for phrase in phrases)


def test_a_hypothesis_too_short_for_its_phrases_is_unfinished() -> None:
    for [best] in search(
        STATE, maximum=2, lexical_constraints=LexicalConstraints([[[5, 6, 7]]] * SENTENCES)
    ):
        assert not best.finished
        assert best.ids == [5, 6]


def test_a_larger_beam_finds_better_scores() -> None:
    narrow = search(STATE, beam_size=2, lexical_constraints=LexicalConstraints(PHRASES))
    wide = search(STATE, beam_size=40, lexical_constraints=LexicalConstraints(PHRASES))
    pairs = [(one[0].score, other[0].score) for one, other in zip(narrow, wide, strict=True)]
    assert all(wider >= narrower - 1e-4 for narrower, wider in pairs)
    assert any(wider > narrower + 0.1 for narrower, wider in pairs)


@pytest.mark.parametrize("maximum", [1, 2, 14])
def test_a_sentence_without_phrases_is_searched_as_before(maximum: int) -> None:
    free = search(STATE, n_best=4, maximum=maximum)
    held = search(STATE, n_best=4, maximum=maximum, lexical_constraints=LexicalConstraints(PHRASES))
    assert close(free[2], held[2])


def test_a_phrase_that_is_also_forbidden_leaves_nothing_finished() -> None:
    both = {
        "lexical_constraints": LexicalConstraints([[[5, 6]]] * SENTENCES),
        "constraints": [forbid_phrases([[5, 6]])],
    }
    assert not any(
        hypothesis.finished for results in search(STATE, **both) for hypothesis in results
    )


def test_phrases_have_pieces() -> None:
    with pytest.raises(ValueError, match="at least one token"):
        LexicalConstraints([[[3]], [[]]])


def test_progress_by_hand() -> None:
    """Complete phrases, and the most advanced incomplete phrase, for every next token."""
    pieces = torch.tensor([[4, 5, 6], [4, 4, 5], [2, 2, 2], [5, 6, 7]])
    past = Prefix(pieces, torch.tensor([0, 0, 0, 1]))
    last = torch.tensor([False, False, False, False])
    progress = LexicalConstraints([[[5, 6, 7], [4]], [[6, 7, 6, 7, 8]]]).progress(past, last)
    assert progress.satisfied.tolist() == [
        [False, True],
        [False, True],
        [False, False],
        [False, True],
    ]
    assert not progress.closing.any()
    tokens = torch.tensor([[7, 5, 2], [6, 5, 4], [5, 4, 6], [6, 8, 7]])
    assert count_satisfied(tokens, progress).tolist() == [
        [4, 2, 1],
        [3, 2, 1],
        [1, 1, 0],
        [3, 0, 0],
    ]


def test_round_robin_over_banks_by_hand() -> None:
    sums = torch.tensor([[-1.0, -2, -3, -9, -8, -float("inf")]])
    banks = torch.tensor([[0, 0, 0, 2, 1, 2]])
    assert round_robin_over_banks(sums, banks, 6).tolist() == [[3, 4, 0, 1, 2, 5]]
    assert round_robin_over_banks(sums, torch.zeros_like(banks), 4).tolist() == [[0, 1, 2, 4]]
