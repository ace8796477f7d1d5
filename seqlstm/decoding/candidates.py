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
    cumulative: Tensor, log_probs: Tensor, progress: ConstraintProgress | None, *, beam_size: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The best candidates of each sentence, best first, at most 2 · beam_size.

    A candidate is a beam and its next token. Each beam has at most one candidate with eos, so at
    least `beam_size` candidates without eos remain. All of them are among the best `beam_size + 1`
    tokens of their beams, so the other tokens of the vocabulary are never sorted.

    Args:
        cumulative: log-probabilities of the beams, (sentences, beams).
        log_probs: of the next tokens, (sentences · beams, vocabulary).
        progress: of lexical constraints, if any; candidates are then taken from all banks in turn.
        beam_size: number of beams.

    Returns:
        Cumulative log-probabilities, beams and tokens, each (sentences, candidates).
    """
    sentences = len(cumulative)
    values, tokens = topk(log_probs, min(beam_size + 1, log_probs.shape[-1]))
    if progress is not None:
        values, tokens = add_constraint_tokens(log_probs, values, tokens, progress)
    # (sentences, beams · candidates)
    sums = (cumulative.view(-1, 1) + values).view(sentences, -1)
    if progress is None:
        best, indices = topk(sums, min(2 * beam_size, sums.shape[-1]))
    else:
        banks = count_satisfied(tokens, progress).view(sentences, -1)
        indices = round_robin_over_banks(sums, banks, 2 * beam_size)
        best = sums.gather(-1, indices)
    beams = indices // tokens.shape[-1]
    return best, beams, gather_beams(tokens.view(sentences, -1), indices)


def gather_beams(table: Tensor, indices: Tensor) -> Tensor:
    """The entries of (sentences, n, ...) at `indices` (sentences, m): (sentences, m, ...)."""
    features = table.shape[2:]
    indices = indices.view(*indices.shape, *[1] * len(features))
    return table.gather(1, indices.expand(*indices.shape[:2], *features))
