"""Sampling of tokens without end, and of whole hypotheses, for many rows at once."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from math import inf

import torch
from torch import Tensor

from seqlstm.decoding.advance import Advance
from seqlstm.decoding.constraints import Constraint, Prefix, constrained_log_probs
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.logits import (
    MAX_HISTORY,
    LogitsProcessor,
    Sampler,
    inverse_transform_sampling,
)
from seqlstm.recurrent.state import State, select


def sample_tokens(
    advance: Advance,
    *,
    token: Tensor,
    state: State,
    sampler: Sampler,
    memory: State | None = None,
    history: Tensor | None = None,
) -> Generator[tuple[Tensor, State, Tensor], Tensor | None, None]:
    """Sample one token after another, for all rows at once and without end.

    Yields `(token, state, history)`: the tokens just sampled, (rows,), the state after all tokens
    before them, and the latest tokens. A later call with these three as arguments continues exactly
    here. `send(rows)` removes all rows but these from the batch.

    Args:
        advance: the model's step.
        token: the last token of each row, which the state does not include yet, (rows,).
        state: of the model after the tokens before.
        sampler: see `make_sampler`.
        memory: as of `Advance`; None for a language model.
        history: the latest tokens for `sampler`, `token` included, (rows, n); `token` alone if
            None.
    """
    history = token[:, None] if history is None else history
    rows: Tensor | None = None
    while True:
        # The `yield` is outside of `no_grad`, so that the caller's gradient mode stays as it is.
        with torch.no_grad():
            if rows is not None:
                token, state, history = select((token, state, history), rows)
                memory = None if memory is None else select(memory, rows)
            logits, state = advance(token, state, memory)
            token = sampler(logits, history)
            history = torch.cat([history, token[:, None]], -1)[:, -MAX_HISTORY:]
        rows = yield token, state, history


@torch.inference_mode()
def sample_hypotheses(
    advance: Advance,
    *,
    state: State,
    memory: State | None,
    bos: int,
    eos: int,
    maximum: Tensor,
    uniform: Tensor,
    process: LogitsProcessor,
    constraints: Sequence[Constraint] = (),
) -> list[list[Hypothesis]]:
    """Ancestral sampling of hypotheses; the scores are the model's log-probabilities.

    Args:
        advance, state, memory, bos, eos: as of `beam_search`.
        maximum: maximum lengths, eos included, (sentences,).
        uniform: random numbers from [0, 1), (sentences, samples, steps), with at least as many
            steps as the largest maximum.
        process: changes the distribution; see `make_logits_processor`.
        constraints: on the next token. A sample without a possible next token is left out.

    Returns:
        The samples of each sentence, in the order of the random numbers.
    """
    sentences, samples, _ = uniform.shape
    sentence = torch.arange(sentences, device=uniform.device).repeat_interleave(samples)
    limits, uniform = maximum[sentence], uniform.flatten(0, 1)
    state = select(state, sentence)
    token = torch.full_like(sentence, bos)
    tokens = token.new_empty(len(token), 0)
    cumulative = torch.zeros(len(token), device=uniform.device)
    unfinished = torch.ones_like(token, dtype=torch.bool)
    while unfinished.any():
        logits, state = advance(token, state, memory)
        log_probs = constrained_log_probs(logits, Prefix(tokens, sentence), constraints)
        stuck = unfinished & (log_probs.amax(-1) == -inf)
        log_probs[~unfinished | stuck, eos] = 0.0
        token = inverse_transform_sampling(process(log_probs, tokens), uniform[:, tokens.shape[-1]])
        token = token.where(unfinished & ~stuck, eos)
        token_log_probs = log_probs.gather(-1, token[:, None]).squeeze(-1)
        cumulative = cumulative + token_log_probs.where(unfinished, 0).masked_fill(stuck, -inf)
        tokens = torch.cat([tokens, token[:, None]], -1)
        unfinished = unfinished & (token != eos) & (tokens.shape[-1] < limits)
    hypotheses = [
        _hypothesis(*row, eos=eos)
        for row in zip(tokens.tolist(), cumulative.tolist(), limits.tolist(), strict=True)
    ]
    return [
        [sample for sample in hypotheses[start : start + samples] if sample.score > -inf]
        for start in range(0, len(hypotheses), samples)
    ]


def _hypothesis(tokens: list[int], log_probability: float, limit: int, *, eos: int) -> Hypothesis:
    """A hypothesis from tokens that are padded with eos."""
    ids = tokens[: tokens.index(eos)] if eos in tokens else tokens
    return Hypothesis(ids, log_probability, log_probability, finished=len(ids) < limit)
