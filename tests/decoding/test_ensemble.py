"""Ensembles of several random languages."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.decoding.advance import Advance
from seqlstm.decoding.beam import beam_search
from seqlstm.decoding.ensemble import average_log_probs, ensemble_log_probs
from seqlstm.recurrent.state import State, select
from tests.decoding.cases import BEGIN, END
from tests.decoding.language import Language, close

LANGUAGES = [Language.random(seed=seed, vocabulary=9) for seed in range(3)]
STATE: State = LANGUAGES[0].states(6)
OPTIONS: dict[str, Any] = {"bos": BEGIN, "eos": END, "beam_size": 4, "n_best": 3, "maximum": 8}


def ensemble(advances: list[Advance]) -> Advance:
    """The step function of an ensemble; its states and memories are tuples of the models' own."""

    def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        memories = [None] * len(advances) if memory is None else memory
        parts = zip(advances, state, memories, strict=True)
        steps = [language(token, own, its) for language, own, its in parts]
        return ensemble_log_probs([step[0] for step in steps]), tuple(step[1] for step in steps)

    return advance


def test_an_ensemble_averages_probabilities() -> None:
    parts = [torch.randn(4, 5).log_softmax(-1) for _ in range(3)]
    average = sum(part.exp() for part in parts) / 3
    assert torch.allclose(average_log_probs(parts).exp(), torch.as_tensor(average))
    assert average_log_probs(parts[:1]) is not None
    assert torch.equal(average_log_probs(parts[:1]), parts[0])


def test_probabilities_are_averaged_at_every_step() -> None:
    advance = ensemble([language.advance for language in LANGUAGES])
    token = torch.tensor([2, 3, 4, 5, 6, 7])
    logits, states = advance(token, (STATE,) * 3, None)
    each = [language.advance(token, STATE, None) for language in LANGUAGES]
    average = torch.stack([one.softmax(-1) for one, _ in each]).mean(0)
    assert torch.allclose(logits.softmax(-1), average, atol=1e-6)
    assert all(torch.equal(a[0][0], b[0][0]) for a, (_, b) in zip(states, each, strict=True))


def test_an_ensemble_of_a_model_with_itself_is_the_model() -> None:
    [language, *_] = LANGUAGES
    alone = beam_search(language.advance, state=STATE, memory=None, **OPTIONS)
    twice = beam_search(
        ensemble([language.advance] * 2), state=(STATE, STATE), memory=None, **OPTIONS
    )
    assert all(close(one, other) for one, other in zip(alone, twice, strict=True))


@pytest.mark.parametrize("remembers", [False, True])
def test_every_model_has_its_own_states_and_memories(remembers: bool) -> None:
    """A batch equals its sentences one by one, and the order of the models changes nothing."""
    generator = torch.Generator().manual_seed(3)
    memories = tuple((torch.randn(6, 9, generator=generator),) for _ in LANGUAGES)
    advances = [language.advance for language in LANGUAGES]
    states = (STATE,) * 3
    memory = memories if remembers else None
    together = beam_search(ensemble(advances), state=states, memory=memory, **OPTIONS)
    back = beam_search(
        ensemble(advances[::-1]),
        state=states,
        memory=memories[::-1] if remembers else None,
        **OPTIONS,
    )
    assert all(close(one, other) for one, other in zip(together, back, strict=True))
    for number, found in enumerate(together):
        row = torch.tensor([number])
        [alone] = beam_search(
            ensemble(advances),
            state=select(states, row),
            memory=select(memories, row) if remembers else None,
            **OPTIONS,
        )
        assert close(found, alone)
