"""Samples of hypotheses: their probabilities, and the random numbers of each sentence."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import exp
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.decoding.constraints import Constraint, forbid_tokens
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.logits import make_logits_processor
from seqlstm.decoding.sampling import sample_hypotheses
from seqlstm.recurrent.state import State, select
from tests.decoding.cases import BEGIN, END, FREE, PREFIXES, Case
from tests.decoding.language import Language, close, greedy_ids

SENTENCES = len(PREFIXES)
LANGUAGE = Language.random(seed=1, vocabulary=9)


def uniform(sentences: int, samples: int, steps: int, *, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(sentences, samples, steps, generator=generator)


def sample(
    state: State,
    numbers: Tensor,
    *,
    language: Language = LANGUAGE,
    memory: State | None = None,
    maximum: int = 12,
    constraints: list[Constraint] | None = None,
    **options: Any,
) -> list[list[Hypothesis]]:
    return sample_hypotheses(
        language.advance,
        state=state,
        memory=memory,
        bos=BEGIN,
        eos=END,
        maximum=torch.full((len(numbers),), maximum),
        uniform=numbers,
        process=make_logits_processor(**options),
        constraints=constraints or (),
    )


def test_samples_are_as_frequent_as_probable() -> None:
    sharp, samples = Language.random(seed=4, vocabulary=3), 20_000
    language = Language(sharp.embedding, sharp.recurrent, sharp.output_layer / 4)
    state = language.states(1)
    [results] = sample(state, uniform(1, samples, 3), language=language, maximum=3)
    counts = Counter(
        (*hypothesis.ids, END) if hypothesis.finished else tuple(hypothesis.ids)
        for hypothesis in results
    )
    every = [(*body, END) for length in range(3) for body in product((0, 2), repeat=length)]
    every += list(product((0, 2), repeat=3))
    shares = {
        ids: exp(sum(language.log_probabilities(list(ids), bos=BEGIN, state=state)))
        for ids in every
    }
    assert sum(shares.values()) == pytest.approx(1)
    assert sorted(shares.values())[-4] > 0.05  # several are likely
    for ids, share in shares.items():
        assert counts[ids] / samples == pytest.approx(share, abs=0.02)


def test_scores_are_the_models_log_probabilities_at_any_temperature() -> None:
    state = LANGUAGE.states(SENTENCES)
    results = sample(state, uniform(SENTENCES, 5, 6), maximum=6, temperature=1.7, top_k=4)
    assert {
        hypothesis.finished for samples_of_sentence in results for hypothesis in samples_of_sentence
    } == {False, True}
    for number, samples_of_sentence in enumerate(results):
        assert len(samples_of_sentence) == 5
        for hypothesis in samples_of_sentence:
            chosen = [*hypothesis.ids, END] if hypothesis.finished else hypothesis.ids
            log_probs = LANGUAGE.log_probabilities(
                chosen, bos=BEGIN, state=select(state, torch.tensor([number]))
            )
            assert hypothesis.log_probability == pytest.approx(sum(log_probs), abs=1e-4)
            assert hypothesis.score == hypothesis.log_probability


def test_temperature_zero_is_greedy() -> None:
    state = LANGUAGE.states(SENTENCES)
    for number, [best, same] in enumerate(
        sample(state, uniform(SENTENCES, 2, 12), temperature=0.0)
    ):
        alone = select(state, torch.tensor([number]))
        assert best.ids == greedy_ids(LANGUAGE, alone, None, bos=BEGIN, eos=END, maximum=12)
        assert best.ids == same.ids


@pytest.mark.parametrize("case", FREE, ids=str)
def test_a_batch_equals_its_sentences_one_by_one(case: Case) -> None:
    state, numbers = LANGUAGE.states(SENTENCES), uniform(SENTENCES, 4, 12)
    memory = (torch.randn(SENTENCES, 9, generator=torch.Generator().manual_seed(2)),)
    together = sample(state, numbers, memory=memory, **case.options(range(SENTENCES)))
    for number, samples_of_sentence in enumerate(together):
        row = torch.tensor([number])
        [alone] = sample(
            select(state, row),
            numbers[number : number + 1],
            memory=select(memory, row),
            **case.options([number]),
        )
        assert close(samples_of_sentence, alone)


@pytest.mark.parametrize("case", FREE, ids=str)
def test_samples_fulfil_the_constraints(case: Case) -> None:
    results = sample(
        LANGUAGE.states(SENTENCES),
        uniform(SENTENCES, 6, 12),
        temperature=2.0,
        **case.options(range(SENTENCES)),
    )
    for number, samples_of_sentence in enumerate(results):
        for hypothesis in samples_of_sentence:
            parts = (hypothesis.ids[:size] for size in range(len(hypothesis.ids) + 1))
            assert all(case.allows(number, part, False) for part in parts)
            assert case.allows(number, hypothesis.ids, True) or not hypothesis.finished


def test_a_sample_without_a_possible_token_is_left_out() -> None:
    results = sample(
        LANGUAGE.states(2), uniform(2, 3, 5), maximum=5, constraints=[forbid_tokens(range(9))]
    )
    assert results == [[], []]
