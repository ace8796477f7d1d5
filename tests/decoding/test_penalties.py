"""The length and coverage penalties of GNMT."""

from __future__ import annotations

from itertools import product
from math import log
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.decoding.beam import beam_search
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.penalties import coverage_penalty, length_normalizer
from seqlstm.recurrent.state import State, select
from tests.decoding.cases import BEGIN, END
from tests.decoding.language import Language, close

BETA, SOURCE = 0.7, 3
LANGUAGE = Language.random(seed=4, vocabulary=4)
LOOKS = 3 * torch.randn(5, SOURCE, generator=torch.Generator().manual_seed(5))


def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
    """A step with random attention weights, whose sum is part of the state."""
    inner, coverage = state
    logits, inner = LANGUAGE.advance(token, inner, memory)
    return logits, (inner, coverage + (inner[0][0] @ LOOKS).softmax(-1))


def states(sentences: int) -> State:
    return LANGUAGE.states(sentences), torch.zeros(sentences, SOURCE)


def by_coverage(state: State) -> Tensor:
    return coverage_penalty(state[1], BETA)


def score(ids: list[int], state: State, *, alpha: float) -> float:
    log_probs = LANGUAGE.log_probabilities(ids, bos=BEGIN, state=state[0])
    for token in [BEGIN, *ids[:-1]]:
        _, state = advance(torch.tensor([token]), state, None)
    [coverage] = state[1].tolist()
    return sum(log_probs) / length_normalizer(len(ids), alpha) + BETA * sum(
        log(min(value, 1)) for value in coverage
    )


def search(state: State, **options: Any) -> list[list[Hypothesis]]:
    settings = {"memory": None, "bos": BEGIN, "eos": END, "maximum": 5, **options}
    return beam_search(advance, state=state, **settings)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("number", range(4))
def test_an_unbounded_beam_finds_the_best_score_with_coverage(number: int, alpha: float) -> None:
    state = select(states(4), torch.tensor([number]))
    bodies = [body for length in range(5) for body in product((0, 2, 3), repeat=length)]
    scores = {body: score([*body, END], state, alpha=alpha) for body in bodies}
    best = sorted(scores, key=lambda body: -scores[body])[:8]
    options: dict[str, Any] = {"beam_size": 400, "n_best": 8, "length_penalty": alpha}
    [results] = search(state, coverage=by_coverage, **options)
    assert [tuple(hypothesis.ids) for hypothesis in results] == best
    assert [hypothesis.score for hypothesis in results] == pytest.approx(
        [scores[value] for value in best], abs=1e-4
    )
    [plain] = search(state, **options)
    assert [hypothesis.ids for hypothesis in plain] != [hypothesis.ids for hypothesis in results]


def test_scores_are_those_of_the_ids_also_when_cut_off() -> None:
    state = states(6)
    options: dict[str, Any] = {"beam_size": 4, "n_best": 4, "length_penalty": 0.7, "maximum": 2}
    results = search(state, coverage=by_coverage, **options)
    assert {hypothesis.finished for hypotheses in results for hypothesis in hypotheses} == {
        False,
        True,
    }
    for number, hypotheses in enumerate(results):
        alone = select(state, torch.tensor([number]))
        for hypothesis in hypotheses:
            chosen = [*hypothesis.ids, END] if hypothesis.finished else hypothesis.ids
            assert hypothesis.score == pytest.approx(score(chosen, alone, alpha=0.7), abs=1e-4)


def test_a_batch_equals_its_sentences_one_by_one() -> None:
    options: dict[str, Any] = {"coverage": by_coverage, "beam_size": 4, "n_best": 2}
    for number, results in enumerate(search(states(6), **options)):
        [alone] = search(select(states(6), torch.tensor([number])), **options)
        assert close(results, alone)


def test_coverage_by_hand() -> None:
    covered = torch.tensor([[1.0, 2.0, 1.5], [0.5, 0.25, 3.0]])
    assert coverage_penalty(covered, 2.0).tolist() == pytest.approx([0.0, 2 * log(1 / 8)])
    assert coverage_penalty(torch.zeros(1, 1), 1.0).item() > -100


def test_the_length_penalty_by_hand() -> None:
    assert length_normalizer(1, 0.6) == 1.0
    assert length_normalizer(7, 1.0) == 2.0
    assert length_normalizer(torch.tensor([1, 7, 13]), 2.0).tolist() == [1.0, 4.0, 9.0]
