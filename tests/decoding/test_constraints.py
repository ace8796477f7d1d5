"""Beam search under every constraint."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.decoding.beam import beam_search
from seqlstm.decoding.constraints import (
    Prefix,
    forbid_phrases,
    forbid_tokens,
    force_prefixes,
    limit_tokens,
    no_repeat_ngram,
)
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.recurrent.state import State, map_state, select
from tests.decoding.cases import BEGIN, END, FREE, PREFIXES, REQUIRED, Case, contains, repeats
from tests.decoding.language import Language, close

SENTENCES = len(PREFIXES)
LANGUAGE = Language.random(seed=1, vocabulary=9)


def search(language: Language, state: State, **options: Any) -> list[list[Hypothesis]]:
    settings = {"memory": None, "bos": BEGIN, "eos": END, "beam_size": 3, "maximum": 12, **options}
    return beam_search(language.advance, state=state, **settings)


def row(state: State, number: int) -> State:
    return select(state, torch.tensor([number]))


def allowed(case: Case, number: int, body: tuple[int, ...], end: bool = True) -> bool:
    whole = list(body)
    so_far = all(case.allows(number, whole[:size], False) for size in range(len(whole) + 1))
    return so_far and (not end or case.allows(number, whole, True))


@pytest.mark.parametrize("case", [*FREE, *REQUIRED], ids=str)
@pytest.mark.parametrize("number", range(SENTENCES))
def test_an_unbounded_beam_finds_the_best_allowed_hypothesis(case: Case, number: int) -> None:
    language = Language.random(seed=number, vocabulary=4)
    state, maximum, alpha = language.states(1), 5, 0.6
    bodies = (body for length in range(maximum) for body in product((0, 2, 3), repeat=length))
    scores = {
        body: language.score([*body, END], alpha=alpha, bos=BEGIN, state=state)
        for body in bodies
        if allowed(case, number, body)
    }
    best = sorted(scores, key=lambda body: -scores[body])[:8]
    options = {"beam_size": 400, "maximum": maximum, "n_best": 8, "length_penalty": alpha}
    [found] = search(language, state, **options, **case.options([number]))
    finished = [hypothesis for hypothesis in found if hypothesis.finished]
    assert [tuple(hypothesis.ids) for hypothesis in finished] == best
    assert [hypothesis.score for hypothesis in finished] == pytest.approx(
        [scores[body] for body in best], abs=1e-4
    )


@pytest.mark.parametrize("case", FREE, ids=str)
def test_beam_size_one_is_greedy_among_allowed_tokens(case: Case) -> None:
    state = LANGUAGE.states(SENTENCES)
    found = search(LANGUAGE, state, beam_size=1, **case.options(range(SENTENCES)))
    for number, [best] in enumerate(found):
        assert best.ids == greedy_among(case, number, row(state, number), 12)


def greedy_among(case: Case, number: int, state: State, maximum: int) -> list[int]:
    ids: list[int] = []
    while len(ids) < maximum:
        logits, state = LANGUAGE.advance(torch.tensor([([BEGIN, *ids])[-1]]), state, None)
        ways = {piece: float(value) for piece, value in enumerate(logits[0])}
        piece = max(
            (
                one
                for one in ways
                if (
                    case.allows(number, ids, True)
                    if one == END
                    else case.allows(number, [*ids, one], False)
                )
            ),
            key=lambda one: ways[one],
        )
        if piece == END:
            break
        ids.append(piece)
    return ids


@pytest.mark.parametrize("case", [*FREE, *REQUIRED], ids=str)
@pytest.mark.parametrize("beam_size", [1, 4])
def test_a_batch_equals_its_sentences_one_by_one(case: Case, beam_size: int) -> None:
    state = LANGUAGE.states(SENTENCES)
    maximum = torch.tensor([8, 20, 9, 7, 7, 12, 10])
    together = search(
        LANGUAGE,
        state,
        beam_size=beam_size,
        maximum=maximum,
        n_best=beam_size,
        **case.options(range(7)),
    )
    for number, found in enumerate(together):
        options = {"beam_size": beam_size, "n_best": beam_size, "maximum": int(maximum[number])}
        [alone] = search(LANGUAGE, row(state, number), **options, **case.options([number]))
        assert found
        assert close(found, alone)


@pytest.mark.parametrize("case", [*FREE, *REQUIRED], ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_all_hypotheses_are_allowed_and_have_their_own_scores(case: Case, seed: int) -> None:
    language = Language.random(seed=seed, vocabulary=9)
    state = language.states(SENTENCES)
    found = search(language, state, beam_size=5, n_best=5, **case.options(range(SENTENCES)))
    assert any(hypothesis.finished for hypotheses in found for hypothesis in hypotheses)
    for number, hypotheses in enumerate(found):
        for hypothesis in hypotheses:
            assert allowed(case, number, tuple(hypothesis.ids), end=hypothesis.finished)
            chosen = [*hypothesis.ids, END] if hypothesis.finished else hypothesis.ids
            log_probs = language.log_probabilities(chosen, bos=BEGIN, state=row(state, number))
            assert hypothesis.log_probability == pytest.approx(sum(log_probs), abs=1e-4)


def test_a_free_search_violates_every_constraint() -> None:
    """Otherwise the tests above would pass for constraints without an effect."""
    language = Language.random(seed=1, vocabulary=4)
    free = search(language, language.states(SENTENCES), beam_size=20, n_best=20, maximum=5)
    for case in [*FREE[1:], *REQUIRED]:
        assert not all(
            allowed(case, number, tuple(hypothesis.ids), end=hypothesis.finished)
            for number, hypotheses in enumerate(free)
            for hypothesis in hypotheses
        ), case


def test_no_repeat_ngram_and_forbidden_phrases_in_long_outputs() -> None:
    """A language that repeats one token forever, over many steps."""

    def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        return torch.tensor([[-9.0, -20, 3, 2, 1]]).repeat(len(token), 1), state

    def found(*constraints: Any) -> list[int]:
        start = (torch.zeros(1, 1),)
        options = {"memory": None, "bos": BEGIN, "eos": END, "beam_size": 1, "maximum": 9}
        [[best]] = beam_search(advance, state=start, constraints=constraints, **options)  # type: ignore[arg-type]
        return best.ids

    assert found() == [2] * 9
    assert found(no_repeat_ngram(2)) == [2, 2, 3, 2, 4, 2, 0, 2]
    assert not repeats(found(no_repeat_ngram(2)), 2)
    assert found(forbid_phrases([[2, 2]])) == [2, 3, 2, 3, 2, 3, 2, 3, 2]
    assert found(forbid_phrases([[2, 2], [2, 3]])) == [2, 4, 2, 4, 2, 4, 2, 4, 2]
    assert found(forbid_phrases([[2, 2, 2]]), no_repeat_ngram(4)) == [2, 2, 3, 2, 2, 3, 3, 2, 2]
    assert not contains(found(forbid_phrases([[2]])), [2])


def test_a_prefix_may_contain_what_its_constraints_forbid() -> None:
    held = force_prefixes([[4, 4, 4], []], then=[forbid_tokens([4])])
    [[first], [second]] = search(LANGUAGE, LANGUAGE.states(2), constraints=[held])
    assert first.ids[:3] == [4, 4, 4]
    assert 4 not in first.ids[3:] + second.ids


def test_contradicting_constraints_leave_no_hypothesis() -> None:
    none, forced = search(
        LANGUAGE,
        LANGUAGE.states(2),
        constraints=[force_prefixes([[3], [4]]), forbid_phrases([[3]])],
    )
    assert none == []
    assert forced[0].ids[0] == 4


@pytest.mark.parametrize("phrases", [[], [[]], [[3], []]])
def test_phrases_have_pieces(phrases: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="at least one token"):
        forbid_phrases(phrases)


def test_an_ngram_of_no_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one token, was: 0"):
        no_repeat_ngram(0)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("case", [*FREE, *REQUIRED], ids=str)
def test_a_gpu_finds_the_same(case: Case) -> None:
    state = LANGUAGE.states(SENTENCES)
    there = Language(
        *(one.cuda() for one in (LANGUAGE.embedding, LANGUAGE.recurrent, LANGUAGE.output_layer))
    )
    options = case.options(range(SENTENCES))
    here = search(LANGUAGE, state, beam_size=4, n_best=3, **options)
    found = search(there, map_state(Tensor.cuda, state), beam_size=4, n_best=3, **options)
    assert all(close(one, other) for one, other in zip(here, found, strict=True))


def test_limited_tokens_appear_at_most_as_often_as_allowed() -> None:
    constrain = limit_tokens([5, 7], [[5, 5], [7], []])
    tokens = torch.tensor([[1, 5], [5, 5], [7, 1], [1, 1], [5, 1]])
    log_probs = torch.zeros(5, 9)
    constrain(log_probs, Prefix(tokens, torch.tensor([0, 0, 1, 1, 2])))
    forbidden = {(row, token) for row, token in (log_probs != 0).nonzero().tolist()}
    assert forbidden == {(0, 7), (1, 5), (1, 7), (2, 5), (2, 7), (3, 5), (4, 5), (4, 7)}
