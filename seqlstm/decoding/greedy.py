"""Greedy search over many sentences at once."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import torch
from torch import Tensor

from seqlstm.decoding.advance import Advance
from seqlstm.decoding.constraints import Constraint, Prefix, constrained_log_probs
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.penalties import length_normalizer
from seqlstm.kernels.topk import topk
from seqlstm.recurrent.state import State, select


@torch.inference_mode()
def greedy_search(
    advance: Advance,
    *,
    state: State,
    memory: State | None,
    bos: int,
    eos: int,
    maximum: Tensor,
    length_penalty: float = 1.0,
    constraints: Sequence[Constraint] = (),
) -> list[list[Hypothesis]]:
    """Greedy search: the hypotheses of `beam_search` with `beam_size=1`, with less computation.

    Args:
        advance, state, memory, bos, eos, length_penalty, constraints: as of `beam_search`.
        maximum: maximum lengths, eos included, (sentences,); positive.

    Returns:
        One hypothesis for each sentence, or none if the constraints contradict each other.
    """
    results: list[list[Hypothesis]] = [[] for _ in maximum]
    token = torch.full_like(maximum, bos)
    # One row for each unfinished sentence: its index, limit, log-probability and tokens.
    table = (
        torch.arange(len(token), device=token.device),
        maximum,
        torch.zeros(len(token), device=token.device),
        token.new_empty(len(token), 0),
    )
    while len(token):
        sentence, limits, cumulative, tokens = table
        logits, state = advance(token, state, memory)
        log_probs = constrained_log_probs(logits, Prefix(tokens, sentence), constraints)
        best, best_tokens = topk(log_probs, 1)
        cumulative, tokens = cumulative + best.squeeze(-1), torch.cat([tokens, best_tokens], -1)
        token, step = best_tokens.squeeze(-1), tokens.shape[-1]
        table = sentence, limits, cumulative, tokens
        unfinished = (token != eos) & (limits > step) & (cumulative > -inf)
        if unfinished.all():
            continue
        ended, _, cumulative, tokens = select(table, (~unfinished).nonzero().squeeze(-1))
        scores = cumulative / length_normalizer(step, length_penalty)
        for index, *row in zip(
            *map(Tensor.tolist, (ended, tokens, scores, cumulative)), strict=True
        ):
            results[index] = _hypotheses(*row, eos=eos)
        rows = unfinished.nonzero().squeeze(-1)
        table, state = select(table, rows), select(state, rows)
        token, memory = token[rows], None if memory is None else select(memory, rows)
    return results


def _hypotheses(
    tokens: list[int], score: float, log_probability: float, *, eos: int
) -> list[Hypothesis]:
    """One hypothesis, or none if its score is -inf."""
    finished = tokens[-1] == eos
    ids = tokens[:-1] if finished else tokens
    hypothesis = Hypothesis(ids, score, log_probability, finished)
    return [hypothesis] if score > -inf else []
