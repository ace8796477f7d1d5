from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from seqlstm.decoding.logits import MAX_HISTORY, Sampler, categorical_sampling, make_sampler
from seqlstm.decoding.sampling import sample_tokens
from seqlstm.recurrent.state import State
from tests.decoding.language import Language

LANGUAGE = Language.random(seed=4, vocabulary=11)
ROWS = 3
FIRST = torch.tensor([0, 3, 7])


def seeded(seed: int, **options: Any) -> Sampler:
    pick = partial(categorical_sampling, generator=torch.Generator().manual_seed(seed))
    return make_sampler(categorical=pick, **options)


def sampled(sampler: Sampler, count: int, **options: Any) -> tuple[Tensor, list[State]]:
    """The first `count` columns of tokens, (rows, count), and their states."""
    settings = {"token": FIRST, "state": LANGUAGE.states(ROWS), **options}
    steps = islice(sample_tokens(LANGUAGE.advance, sampler=sampler, **settings), count)
    tokens, states, _ = zip(*steps, strict=True)
    return torch.stack(tokens, -1), list(states)


def test_the_seed_determines_the_samples() -> None:
    first, _ = sampled(seeded(1), 30)
    again, _ = sampled(seeded(1), 30)
    other, _ = sampled(seeded(2), 30)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_greedy_is_a_chain_of_argmax() -> None:
    tokens, _ = sampled(make_sampler(temperature=0), 20)
    token, state = FIRST, LANGUAGE.states(ROWS)
    for column in tokens.unbind(-1):
        logits, state = LANGUAGE.advance(token, state, None)
        token = logits.argmax(-1)
        assert torch.equal(column, token)


def test_the_state_includes_all_tokens_before_the_yielded_ones() -> None:
    tokens, states = sampled(seeded(1), 12)
    state = LANGUAGE.states(ROWS)
    for token, ((hidden,), steps) in zip([FIRST, *tokens.unbind(-1)], states, strict=False):
        _, state = LANGUAGE.advance(token, state, None)
        assert torch.equal(hidden, state[0][0])
        assert torch.equal(steps, state[1])


def test_continuing_equals_never_having_stopped() -> None:
    sampler = seeded(1, repetition_penalty=1.5)
    whole, _ = sampled(seeded(1, repetition_penalty=1.5), 25)
    start, states = sampled(sampler, 10)
    history = torch.cat([FIRST[:, None], start], -1)
    rest, _ = sampled(sampler, 15, token=start[:, -1], state=states[-1], history=history)
    assert torch.equal(torch.cat([start, rest], -1), whole)


def test_memory_reaches_the_model() -> None:
    bias = torch.full((ROWS, 11), -1e9)
    bias[torch.arange(ROWS), FIRST] = 0.0
    tokens, _ = sampled(seeded(1), 5, memory=(bias,))
    assert torch.equal(tokens, FIRST[:, None].expand(-1, 5))


def test_the_history_is_bounded() -> None:
    seen: list[Tensor] = []

    def sampler(logits: Tensor, history: Tensor) -> Tensor:
        seen.append(history)
        return logits.argmax(-1)

    tokens, _ = sampled(sampler, MAX_HISTORY + 3)
    everything = torch.cat([FIRST[:, None], tokens], -1)
    for count, history in enumerate(seen, 1):
        assert torch.equal(history, everything[:, :count][:, -MAX_HISTORY:])


def test_the_yielded_history_ends_with_the_token() -> None:
    settings: dict[str, Any] = {"token": FIRST, "state": LANGUAGE.states(ROWS)}
    tokens = [FIRST]
    for token, _, history in islice(
        sample_tokens(LANGUAGE.advance, sampler=seeded(1), **settings), 7
    ):
        tokens.append(token)
        assert torch.equal(history, torch.stack(tokens, -1))


def test_only_the_sent_rows_continue() -> None:
    """With their tokens, states, histories and memories, in the order of the indices."""
    memory = (torch.randn(ROWS, 11, generator=torch.Generator().manual_seed(6)),)
    sampler = make_sampler(temperature=0, repetition_penalty=1.5)
    whole, _ = sampled(sampler, 12, memory=memory)
    settings: dict[str, Any] = {"token": FIRST, "state": LANGUAGE.states(ROWS), "memory": memory}
    stream = sample_tokens(LANGUAGE.advance, sampler=sampler, **settings)
    before = [token for token, _, _ in islice(stream, 5)]
    rows = torch.tensor([2, 0])
    after = [stream.send(rows)[0], *(token for token, _, _ in islice(stream, 6))]
    assert torch.equal(torch.stack(before, -1), whole[:, :5])
    assert torch.equal(torch.stack(after, -1), whole[rows, 5:])


def test_no_gradients_are_kept_and_the_callers_mode_does_not_change() -> None:
    weight = torch.ones(1, requires_grad=True)

    def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        return torch.zeros(len(token), 4) * weight, (state[0] * weight,)

    stream = sample_tokens(
        advance, token=FIRST, state=(torch.ones(ROWS, 1),), sampler=make_sampler(temperature=0)
    )
    _, (state,), _ = next(stream)
    assert not state.requires_grad
    assert torch.is_grad_enabled()


def test_the_share_of_each_token_is_its_probability() -> None:
    """A language without state: 4,000 rows, 5 steps, every frequency within 5 deviations."""
    probabilities = torch.tensor([0.4, 0.3, 0.2, 0.1])
    rows, steps = 4000, 5

    def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        return probabilities.log().expand(len(token), -1), state

    start = torch.zeros(rows, dtype=torch.long)
    stream = sample_tokens(advance, token=start, state=(torch.zeros(rows, 1),), sampler=seeded(9))
    tokens = torch.stack([token for token, _, _ in islice(stream, steps)])
    shares = torch.bincount(tokens.flatten(), minlength=4) / tokens.numel()
    deviation = (probabilities * (1 - probabilities) / tokens.numel()).sqrt()
    assert ((shares - probabilities).abs() < 5 * deviation).all()
