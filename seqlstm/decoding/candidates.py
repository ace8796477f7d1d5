"""The best continuations of all beams of a sentence."""

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
    cumulative: Tensor, log_probs: Tensor, progress: ConstraintProgress | None, *, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The best candidates in order, at most 2·width: cumulative log-probabilities, beams, tokens.

    At most `width` of them end in eos, so `width` others remain. They are among the best
    `width + 1` tokens of their beams: no sum over the whole vocabulary is needed.

    Args:
        cumulative: log-probabilities of the beams, (sentences, beams).
        log_probs: of the next tokens, (sentences · beams, vocabulary).
        progress: of lexical constraints; the candidates are shared among their banks.
        width: number of beams.

    Returns:
        Three tensors (sentences, candidates).
    """
    sentences = len(cumulative)
    values, tokens = topk(log_probs, min(width + 1, log_probs.shape[-1]))
    if progress is not None:
        values, tokens = add_constraint_tokens(log_probs, values, tokens, progress)
    # (sentences, beams · candidates)
    sums = (cumulative.view(-1, 1) + values).view(sentences, -1)
    if progress is None:
        best, indices = topk(sums, min(2 * width, sums.shape[-1]))
    else:
        banks = count_satisfied(tokens, progress).view(sentences, -1)
        indices = round_robin_over_banks(sums, banks, 2 * width)
        best = sums.gather(-1, indices)
    beams = indices // tokens.shape[-1]
    return best, beams, gather_beams(tokens.view(sentences, -1), indices)


def gather_beams(table: Tensor, indices: Tensor) -> Tensor:
    """Entries `indices` (sentences, m) of (sentences, n, ...): (sentences, m, ...)."""
    features = table.shape[2:]
    indices = indices.view(*indices.shape, *[1] * len(features))
    return table.gather(1, indices.expand(*indices.shape[:2], *features))
