from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.decoding.beam import beam_search
from seqlstm.decoding.constraints import forbid_tokens, min_length
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.penalties import length_normalizer
from seqlstm.recurrent.state import State, select
from tests.decoding.cases import BEGIN, END
from tests.decoding.language import Language, close, greedy_ids

SENTENCES = 7


@pytest.fixture
def language() -> Language:
    return Language.random(seed=1, vocabulary=9)


@pytest.fixture
def memory() -> State:
    return (2 * torch.randn(SENTENCES, 9, generator=torch.Generator().manual_seed(2)),)


def search(language: Language, state: State, **options: Any) -> list[list[Hypothesis]]:
    settings = {"memory": None, "bos": BEGIN, "eos": END, "beam_size": 3, "maximum": 12, **options}
    return beam_search(language.advance, state=state, **settings)


def rows(state: State, *numbers: int) -> State:
    return select(state, torch.tensor(numbers, dtype=torch.long))


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(6))
def test_beam_size_one_is_greedy_search(seed: int, alpha: float, memory: State) -> None:
    language = Language.random(seed=seed, vocabulary=9)
    state = language.states(SENTENCES)
    results = search(language, state, memory=memory, beam_size=1, length_penalty=alpha)
    for number, [best] in enumerate(results):
        alone = rows(state, number), rows(memory, number)
        assert best.ids == greedy_ids(language, *alone, bos=BEGIN, eos=END, maximum=12)
        assert best.finished == (len(best.ids) < 12)


def test_ties_are_broken_by_id_as_in_argmax() -> None:
    def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        return torch.zeros(len(token), 6).index_fill(-1, torch.tensor([2, 4]), 1.0), state

    [[best]] = beam_search(
        advance, state=(torch.zeros(1, 1),), memory=None, bos=BEGIN, eos=END, beam_size=1, maximum=3
    )
    assert best.ids == [2, 2, 2]


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_an_unbounded_beam_is_exhaustive_search(seed: int, alpha: float) -> None:
    vocabulary, maximum = 4, 4
    language = Language.random(seed=seed, vocabulary=vocabulary)
    state = language.states(1)
    pieces = [piece for piece in range(vocabulary) if piece != END]
    everything = [
        [*body, END] for length in range(maximum) for body in product(pieces, repeat=length)
    ]
    scores = {
        tuple(ids[:-1]): language.score(ids, alpha=alpha, bos=BEGIN, state=state)
        for ids in everything
    }
    best = sorted(scores, key=lambda ids: -scores[ids])[:10]
    [results] = search(
        language, state, beam_size=300, maximum=maximum, n_best=10, length_penalty=alpha
    )
    assert [tuple(hypothesis.ids) for hypothesis in results] == best
    assert [hypothesis.score for hypothesis in results] == pytest.approx(
        [scores[ids] for ids in best], abs=1e-4
    )


@pytest.mark.parametrize("minimum", [0, 2])
@pytest.mark.parametrize(("beam_size", "n_best"), [(1, 1), (4, 1), (4, 4)])
def test_a_batch_equals_its_sentences_one_by_one(
    language: Language, memory: State, beam_size: int, n_best: int, minimum: int
) -> None:
    state = language.states(SENTENCES)
    maximum = torch.tensor([3, 20, 1, 7, 7, 12, 5])
    constraints = [min_length(minimum, eos=END)]
    options: dict[str, Any] = {"beam_size": beam_size, "n_best": n_best, "constraints": constraints}
    together = search(language, state, memory=memory, maximum=maximum, **options)
    assert len({len(results[0].ids) for results in together}) > 2  # they end at different times
    for number, results in enumerate(together):
        [alone] = search(
            language,
            rows(state, number),
            memory=rows(memory, number),
            maximum=int(maximum[number]),
            **options,
        )
        assert close(results, alone)


def test_permuting_sentences_permutes_the_hypotheses(language: Language, memory: State) -> None:
    state, order = language.states(SENTENCES), [3, 6, 0, 5, 1, 4, 2]
    straight = search(language, state, memory=memory, n_best=3)
    permuted = search(language, rows(state, *order), memory=rows(memory, *order), n_best=3)
    assert all(close(results, straight[n]) for n, results in zip(order, permuted, strict=True))


@pytest.mark.parametrize("alpha", [0.0, 0.7])
def test_scores_are_those_of_the_ids(language: Language, memory: State, alpha: float) -> None:
    state = language.states(SENTENCES)
    results = search(language, state, memory=memory, length_penalty=alpha, n_best=3, maximum=6)
    assert any(hypothesis.finished for hypotheses in results for hypothesis in hypotheses)
    assert any(not hypothesis.finished for hypotheses in results for hypothesis in hypotheses)
    for number, hypotheses in enumerate(results):
        for hypothesis in hypotheses:
            chosen = [*hypothesis.ids, END] if hypothesis.finished else hypothesis.ids
            gains = language.log_probabilities(
                chosen, bos=BEGIN, state=rows(state, number), memory=rows(memory, number)
            )
            assert hypothesis.log_probability == pytest.approx(sum(gains), abs=1e-4)
            assert hypothesis.score == pytest.approx(
                sum(gains) / length_normalizer(len(chosen), alpha), abs=1e-4
            )


@pytest.mark.parametrize("seed", range(4))
def test_n_best_is_distinct_and_sorted_with_finished_hypotheses_first(seed: int) -> None:
    language = Language.random(seed=seed, vocabulary=9)
    for results in search(language, language.states(SENTENCES), beam_size=6, n_best=6, maximum=5):
        assert len(results) == 6
        assert len({(tuple(hypothesis.ids), hypothesis.finished) for hypothesis in results}) == 6
        order = [(hypothesis.finished, hypothesis.score) for hypothesis in results]
        assert order == sorted(order, reverse=True)


def test_n_best_starts_with_the_best(language: Language) -> None:
    """Stopping early, when the best hypothesis is certain, changes nothing."""
    state = language.states(SENTENCES)
    several = search(language, state, beam_size=4, n_best=4)
    single = search(language, state, beam_size=4)
    assert [results[:1] for results in several] == single


def test_eos_comes_after_the_minimum_length(language: Language) -> None:
    state = language.states(SENTENCES)
    free = search(language, state, n_best=3)
    assert min(len(hypothesis.ids) for results in free for hypothesis in results) < 4
    held = search(language, state, n_best=3, constraints=[min_length(4, eos=END)])
    lengths = [len(hypothesis.ids) for results in held for hypothesis in results]
    assert min(lengths) == 4
    assert any(hypothesis.finished for results in held for hypothesis in results)


def test_without_eos_it_stops_at_the_maximum_length(language: Language) -> None:
    maximum = torch.tensor([4, 1, 9])
    endless = {"maximum": maximum, "constraints": [forbid_tokens([END])]}
    for limit, [best] in zip(maximum, search(language, language.states(3), **endless), strict=True):
        assert len(best.ids) == limit
        assert not best.finished


def test_forbidden_ids_are_never_chosen_and_other_probabilities_stay(language: Language) -> None:
    state = language.states(SENTENCES)
    wanted = {piece for results in search(language, state) for piece in results[0].ids}
    forbid = sorted(wanted - {END})[:4]
    options: dict[str, Any] = {"constraints": [forbid_tokens(forbid)], "length_penalty": 0.0}
    for number, [best] in enumerate(search(language, state, **options)):
        assert not set(best.ids) & set(forbid)
        chosen = [*best.ids, END] if best.finished else best.ids
        gains = language.log_probabilities(chosen, bos=BEGIN, state=rows(state, number))
        assert best.score == pytest.approx(sum(gains), abs=1e-4)


def test_fewer_hypotheses_if_no_more_are_possible() -> None:
    language = Language.random(seed=3, vocabulary=3)
    [results] = search(language, language.states(1), beam_size=8, n_best=8, maximum=2)
    # Of the pieces 0 and 2: the end at once, one piece and the end, two pieces cut off.
    assert {(tuple(hypothesis.ids), hypothesis.finished) for hypothesis in results} == {
        ((), True),
        ((0,), True),
        ((2,), True),
        *(((first, second), False) for first in (0, 2) for second in (0, 2)),
    }


def test_a_longer_hypothesis_wins_only_under_the_length_penalty() -> None:
    """Eos at once has log 0.4; four tokens, certain after the first, have log 0.6 - log 2."""
    first, later, last = [0, 0.4, 0.3, 0.3], [0, 0, 0.5, 0.5], [0, 1.0, 0, 0]

    def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        (step,) = state
        table = torch.tensor([first, later, last]).log()
        return table[step.clamp(max=2)], (step + 1,)

    def best(alpha: float) -> Hypothesis:
        [[results]] = beam_search(
            advance,
            state=(torch.zeros(1, dtype=torch.long),),
            memory=None,
            bos=BEGIN,
            eos=END,
            beam_size=4,
            maximum=5,
            length_penalty=alpha,
        )
        return results

    assert best(0.0).ids == []
    assert best(0.0).score == pytest.approx(torch.tensor(0.4).log().item())
    assert best(5.0).ids == [2, 2]
    assert best(5.0).score == pytest.approx(torch.tensor(0.15).log().item() / (8 / 6) ** 5)


def test_the_beam_stays_full_when_eos_is_the_most_probable() -> None:
    """After eos (0.5), token 2 is more probable than 3 (0.3, 0.2), but eos follows only 3."""

    def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        table = torch.tensor([[0, 0.5, 0.3, 0.2], [0] * 4, [0, 0.1, 0.45, 0.45], [0, 1.0, 0, 0]])
        return table.log()[token], state

    [results] = beam_search(
        advance,
        state=(torch.zeros(1, 1),),
        memory=None,
        bos=BEGIN,
        eos=END,
        beam_size=2,
        maximum=2,
        n_best=2,
        length_penalty=0.0,
    )
    assert [hypothesis.ids for hypothesis in results] == [[], [3]]


def test_any_floating_type_of_logits(language: Language) -> None:
    def results(dtype: torch.dtype) -> list[list[Hypothesis]]:
        def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
            logits, state = language.advance(token, state, memory)
            return logits.round().to(dtype), state  # whole numbers are exact in all of them

        start = language.states(SENTENCES)
        return beam_search(
            advance, state=start, memory=None, bos=BEGIN, eos=END, beam_size=3, maximum=8
        )

    assert results(torch.float32) == results(torch.bfloat16) == results(torch.float64)


def test_the_callers_tensors_do_not_change(language: Language, memory: State) -> None:
    state = language.states(SENTENCES)
    maximum = torch.full((SENTENCES,), 6)
    tensors = [state[0][0], state[1], memory[0], maximum]
    before = [tensor.clone() for tensor in tensors]
    search(language, state, memory=memory, maximum=maximum)
    assert all(torch.equal(a, b) for a, b in zip(tensors, before, strict=True))


def test_no_sentences_no_hypotheses(language: Language) -> None:
    assert search(language, rows(language.states(2))) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam_size": 0}, "beam_size must be positive, was: 0"),
        ({"n_best": 4}, r"n_best must be in \[1, beam_size = 3\], was: 4"),
        ({"n_best": 0}, "n_best must be in"),
        ({"maximum": 0}, "maximum must be positive, was: 0"),
        ({"length_penalty": -1.0}, "length_penalty must be 0 or more, was: -1.0"),
    ],
)
def test_arguments_out_of_range(language: Language, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        search(language, language.states(1), **options)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_finds_the_same_hypotheses(language: Language, memory: State) -> None:
    here = search(language, language.states(SENTENCES), memory=memory, n_best=3)
    weights = (language.embedding, language.recurrent, language.output_layer)
    there = Language(*(tensor.cuda() for tensor in weights))
    (hidden,), steps = language.states(SENTENCES)
    on_gpu = search(there, ((hidden.cuda(),), steps.cuda()), memory=(memory[0].cuda(),), n_best=3)
    assert all(close(left, right) for left, right in zip(here, on_gpu, strict=True))
