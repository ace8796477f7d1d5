"""Greedy search over many sentences at once."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import torch
from torch import Tensor

from seqlstm.decoding.advance import Advance
from seqlstm.decoding.constraints import Constraint, Prefix
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.penalties import length_normalizer
from seqlstm.kernels.softmax import log_softmax
from seqlstm.kernels.topk import topk
from seqlstm.recurrent.state import State, select


@torch.inference_mode()
def greedy(
    advance: Advance,
    *,
    state: State,
    memory: State | None,
    begin: int,
    end: int,
    maximum: Tensor,
    length_penalty: float = 1.0,
    constraints: Sequence[Constraint] = (),
) -> list[list[Hypothesis]]:
    """The likeliest piece, step after step: what `beam` of width 1 finds, with less to keep.

    Args:
        advance, state, memory, begin, end, length_penalty, constraints: as of `beam`.
        maximum: how many pieces may be chosen, the end counted, (sentences,); positive.

    Returns:
        For each sentence its hypothesis, alone; none where the constraints contradict each other.
    """
    answers: list[list[Hypothesis]] = [[] for _ in maximum]
    token = torch.full_like(maximum, begin)
    # Of the sentences that are not done: which they are, and what is known of each.
    table = (
        torch.arange(len(token), device=token.device),
        maximum,
        torch.zeros(len(token), device=token.device),
        token.new_empty(len(token), 0),
    )
    while len(token):
        sentence, limits, totals, pieces = table
        logits, state = advance(token, state, memory)
        gains = log_softmax(logits, torch.float32)
        for constrain in constraints:
            constrain(gains, Prefix(pieces, sentence))
        gained, chosen = topk(gains, 1)
        totals, pieces = totals + gained.squeeze(-1), torch.cat([pieces, chosen], -1)
        token, step = chosen.squeeze(-1), pieces.shape[-1]
        table = sentence, limits, totals, pieces
        going = (token != end) & (limits > step) & (totals > -inf)
        if going.all():
            continue
        done, _, totals, pieces = select(table, (~going).nonzero().squeeze(-1))
        rows = (done, pieces, totals / length_normalizer(step, length_penalty), totals)
        for number, *one in zip(*map(Tensor.tolist, rows), strict=True):
            answers[number] = _hypothesis(*one, end=end)
        stay = going.nonzero().squeeze(-1)
        table, state = select(table, stay), select(state, stay)
        token, memory = token[stay], None if memory is None else select(memory, stay)
    return answers


def _hypothesis(
    pieces: list[int], score: float, log_probability: float, *, end: int
) -> list[Hypothesis]:
    """Alone; or none, if it is impossible."""
    finished = pieces[-1] == end
    ids = pieces[:-1] if finished else pieces
    found = Hypothesis(ids, score, log_probability, finished)
    return [found] if score > -inf else []
