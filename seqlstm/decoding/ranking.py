"""The best ways to go on, of all beams of a sentence together."""

from __future__ import annotations

import torch
from torch import Tensor

from seqlstm.decoding.required import Standing, in_turn, offer, progress


def continuations(
    totals: Tensor, gains: Tensor, standing: Standing | None, *, width: int
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
    values, tokens = leading(gains, min(width + 1, gains.shape[-1]))
    if standing is not None:
        values, tokens = offer(gains, values, tokens, standing)
    sums = (totals.view(-1, 1) + values).view(sentences, -1)  # (sentences, beams · candidates)
    if standing is None:
        totals, places = leading(sums, min(2 * width, sums.shape[-1]))
    else:
        banks = progress(tokens, standing).view(sentences, -1)
        places = in_turn(sums, banks, 2 * width)
        totals = sums.gather(-1, places)
    return totals, places // tokens.shape[-1], pick(tokens.view(sentences, -1), places)


def leading(scores: Tensor, amount: int) -> tuple[Tensor, Tensor]:
    """`topk` with equal scores in the order of their places, as `argmax` has them.

    Half-precision logits are often equal. (Of more than `amount` equal ones, `topk` picks.)
    """
    places = scores.topk(amount).indices.sort(-1).values
    values, order = scores.gather(-1, places).sort(dim=-1, descending=True, stable=True)
    return values, places.gather(-1, order)


def pick(table: Tensor, places: Tensor) -> Tensor:
    """From (sentences, n, ...) the given places (sentences, m) of each: (sentences, m, ...)."""
    return table[torch.arange(len(table), device=table.device)[:, None], places]
