"""Several samples of each of many sentences."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from math import inf

import torch
from torch import Tensor

from seqlstm.decoding.advance import Advance
from seqlstm.decoding.constraints import Constraint, Prefix
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.logits import MAX_HISTORY, Sampler, UniformSampler
from seqlstm.kernels.softmax import log_softmax
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
    begin: int,
    end: int,
    maximum: Tensor,
    uniform: Tensor,
    choose: UniformSampler,
    constraints: Sequence[Constraint] = (),
) -> list[list[Hypothesis]]:
    """Continuations drawn one piece after another; the scores are the model's log-probabilities.

    Args:
        advance, state, memory, begin, end: as of `beam`.
        maximum: how many pieces may be drawn, the end counted, (sentences,).
        uniform: a number from [0, 1) for every piece, (sentences, samples, steps), at least as many
            steps as the largest maximum.
        choose: from logits and numbers to tokens; see `make_uniform_sampler`.
        constraints: on what may come next. A sample that may go nowhere on is left out.

    Returns:
        For each sentence its samples, in the order in which they were drawn.
    """
    sentences, samples, _ = uniform.shape
    sentence = torch.arange(sentences, device=uniform.device).repeat_interleave(samples)
    limits, uniform = maximum[sentence], uniform.flatten(0, 1)
    state = select(state, sentence)
    token = torch.full_like(sentence, begin)
    pieces = token.new_empty(len(token), 0)
    totals = torch.zeros(len(token), device=uniform.device)
    going = torch.ones_like(token, dtype=torch.bool)
    while going.any():
        logits, state = advance(token, state, memory)
        gains = log_softmax(logits, torch.float32)
        for constrain in constraints:
            constrain(gains, Prefix(pieces, sentence))
        stuck = going & (gains.amax(-1) == -inf)
        gains[~going | stuck, end] = 0.0
        token = choose(gains, uniform[:, pieces.shape[-1]]).where(going & ~stuck, end)
        gained = gains.gather(-1, token[:, None]).squeeze(-1)
        totals = totals + gained.where(going, 0).masked_fill(stuck, -inf)
        pieces = torch.cat([pieces, token[:, None]], -1)
        going = going & (token != end) & (pieces.shape[-1] < limits)
    found = [
        _hypothesis(*row, end=end)
        for row in zip(pieces.tolist(), totals.tolist(), limits.tolist(), strict=True)
    ]
    return [
        [one for one in found[start : start + samples] if one.score > -inf]
        for start in range(0, len(found), samples)
    ]


def _hypothesis(pieces: list[int], total: float, limit: int, *, end: int) -> Hypothesis:
    """Rows that were cut off go on with ends."""
    ids = pieces[: pieces.index(end)] if end in pieces else pieces
    return Hypothesis(ids, total, total, finished=len(ids) < limit)
