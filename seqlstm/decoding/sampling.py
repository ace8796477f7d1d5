"""Several samples of each of many sentences."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from math import inf

import torch
from torch import Tensor

from seqlstm.decoding.advance import Advance
from seqlstm.decoding.constraints import Constraint, Prefix, constrained_log_probs
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.logits import MAX_HISTORY, LogitsProcessor, Sampler, draw_at
from seqlstm.recurrent.state import State, select


def sample_tokens(
    advance: Advance,
    *,
    token: Tensor,
    state: State,
    choose: Sampler,
    memory: State | None = None,
    history: Tensor | None = None,
) -> Generator[tuple[Tensor, State, Tensor], Tensor | None, None]:
    """Sample one token after another, for all rows at once and without end.

    Yields `(token, state, history)`: the tokens just sampled, (rows,), the state after all tokens
    before them, and the latest tokens. A later call that starts from these three continues as if
    it had never stopped. Indices of rows that are sent to the generator keep these rows alone.

    Args:
        advance: the model's step.
        token: the last token that `state` has not read yet, (rows,).
        state: what the model has read so far.
        choose: from logits and history to tokens; see `make_sampler`.
        memory: what never changes, one row a sentence; None for a language model.
        history: the latest tokens, `token` the last of them, (rows, n), for `choose`; only `token`
            if None.
    """
    history = token[:, None] if history is None else history
    rows: Tensor | None = None
    while True:
        # Not around the `yield`: the caller's gradient mode stays as it is.
        with torch.no_grad():
            if rows is not None:
                token, state, history = select((token, state, history), rows)
                memory = None if memory is None else select(memory, rows)
            logits, state = advance(token, state, memory)
            token = choose(logits, history)
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
        advance, state, memory, bos, eos: as of `beam`.
        maximum: maximum lengths, eos included, (sentences,).
        uniform: random numbers from [0, 1), (sentences, samples, steps), at least as many steps as
            the largest maximum.
        process: narrows the distribution; see `make_logits_processor`.
        constraints: on the next token. A sample without any possible next token is left out.

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
        token = draw_at(process(log_probs, tokens), uniform[:, tokens.shape[-1]])
        token = token.where(unfinished & ~stuck, eos)
        added = log_probs.gather(-1, token[:, None]).squeeze(-1)
        cumulative = cumulative + added.where(unfinished, 0).masked_fill(stuck, -inf)
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
    """From tokens that are padded with eos."""
    ids = tokens[: tokens.index(eos)] if eos in tokens else tokens
    return Hypothesis(ids, log_probability, log_probability, finished=len(ids) < limit)
