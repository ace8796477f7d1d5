"""The best ways to go on, of all beams of a sentence together."""

from __future__ import annotations

from torch import Tensor

from seqlstm.decoding.lexical_constraints import (
    ConstraintProgress,
    add_constraint_tokens,
    count_satisfied,
    round_robin_over_banks,
)
from seqlstm.kernels.topk import topk


def best_candidates(
    totals: Tensor, gains: Tensor, standing: ConstraintProgress | None, *, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The best ways to go on, in order, 2·width at most: totals, beams, tokens (sentences, ways).

    No more than `width` of them can be ends, so `width` are left to live on. These, and an end,
    are among the best `width + 1` of their beams: no sum over the whole vocabulary is needed.
    `standing` is that of phrases that must appear; their stages share the places.

    Args:
        totals: log-probabilities of the beams, (sentences, beams).
        gains: of their continuations, (sentences · beams, vocabulary).
    """
    sentences = len(totals)
    values, tokens = topk(gains, min(width + 1, gains.shape[-1]))
    if standing is not None:
        values, tokens = add_constraint_tokens(gains, values, tokens, standing)
    sums = (totals.view(-1, 1) + values).view(sentences, -1)  # (sentences, beams · candidates)
    if standing is None:
        totals, places = topk(sums, min(2 * width, sums.shape[-1]))
    else:
        banks = count_satisfied(tokens, standing).view(sentences, -1)
        places = round_robin_over_banks(sums, banks, 2 * width)
        totals = sums.gather(-1, places)
    return totals, places // tokens.shape[-1], gather_places(tokens.view(sentences, -1), places)


def gather_places(table: Tensor, places: Tensor) -> Tensor:
    """From (sentences, n, ...) the given places (sentences, m) of each: (sentences, m, ...)."""
    beyond = table.shape[2:]
    places = places.view(*places.shape, *[1] * len(beyond)).expand(*places.shape, *beyond)
    return table.gather(1, places)
