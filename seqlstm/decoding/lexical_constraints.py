"""Lexical constraints: phrases that must appear.

Grid beam search (Hokamp & Liu, 2017) with the dynamic beam allocation of Post & Vilar (2018),
vectorised over sentences and beams (as in Hu et al., 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from seqlstm.decoding.constraints import ANY_TOKEN, NO_TOKEN, Prefix


class ConstraintProgress(NamedTuple):
    """How much of the forced phrases each row already contains.

    Attributes:
        phrases: of each row's sentence, padded with `ANY_TOKEN`, (rows, phrases, longest).
        lengths: of the phrases, (rows, phrases); 0 for padding.
        satisfied: true for phrases that the row contains, (rows, phrases).
        begun: true at k if the last k tokens of the row are the first k of the phrase, for k from
            0 to longest - 1, (rows, phrases, longest).
        closing: true for rows at their last step that have phrases and contain them all, (rows,).
    """

    phrases: Tensor
    lengths: Tensor
    satisfied: Tensor
    begun: Tensor
    closing: Tensor


class LexicalConstraints:
    """The phrases that must appear in each sentence, in any order; they may overlap.

    Args:
        phrases: the phrases of each sentence as token ids; a sentence may have none.

    Raises:
        ValueError: a phrase is empty.
    """

    def __init__(self, phrases: Sequence[Sequence[Sequence[int]]]) -> None:
        if not all(map(none_empty, phrases)):
            raise ValueError("phrases that must appear have at least one token each")
        most = max([1, *map(len, phrases)])
        longest = max((len(phrase) for row in phrases for phrase in row), default=1)
        rows = [[*row, *[[]] * (most - len(row))] for row in phrases]
        padded = [[[*ids, *[ANY_TOKEN] * (longest - len(ids))] for ids in row] for row in rows]
        self.phrases = torch.tensor(padded, dtype=torch.long).view(len(rows), most, longest)

    def progress(self, prefix: Prefix, last: Tensor) -> ConstraintProgress:
        """The progress of all rows; `last` (rows,) is true for rows at their last step."""
        phrases = self.phrases.to(prefix.tokens.device)[prefix.sentence]
        longest = phrases.shape[-1]
        padding = phrases == ANY_TOKEN
        windows = pad(prefix.tokens, (0, longest), value=NO_TOKEN).unfold(-1, longest, 1)
        same = (windows[:, :, None] == phrases[:, None]) | padding[:, None]
        lengths = (~padding).sum(-1)
        satisfied = same.all(-1).any(1) | (lengths == 0)
        latest = pad(prefix.tokens, (longest, 0), value=NO_TOKEN)[:, None]
        begun = [
            (latest[..., latest.shape[-1] - size :] == phrases[..., :size]).all(-1)
            for size in range(longest)
        ]
        closing = satisfied.all(-1) & (lengths > 0).any(-1) & last
        return ConstraintProgress(phrases, lengths, satisfied, torch.stack(begun, -1), closing)


def none_empty(phrases: Sequence[Sequence[int]]) -> bool:
    return all(map(len, phrases))


def mask_eos(log_probs: Tensor, progress: ConstraintProgress, *, eos: int) -> None:
    """Forbid eos before all phrases are satisfied; force it where a row is closing."""
    eos_log_probs = log_probs[:, eos].masked_fill(~progress.satisfied.all(-1), -inf)
    log_probs.masked_fill_(progress.closing[:, None], -inf)
    log_probs[:, eos] = eos_log_probs


def add_constraint_tokens(
    log_probs: Tensor, values: Tensor, tokens: Tensor, progress: ConstraintProgress
) -> tuple[Tensor, Tensor]:
    """Add the next token of every phrase to the candidates: (rows, n) -> (rows, n + phrases).

    Otherwise a phrase with a low probability would never be generated.
    """
    positions = torch.arange(progress.begun.shape[-1], device=log_probs.device)
    inside = positions < progress.lengths[..., None]
    reached = ((progress.begun & inside) * positions).amax(-1, keepdim=True)
    next_tokens = progress.phrases.gather(-1, reached).squeeze(-1)  # (rows, phrases)
    joined = torch.cat([tokens, next_tokens], -1)
    repeated = (joined[:, :, None] == joined[:, None]).tril(-1).any(-1)[:, tokens.shape[-1] :]
    next_tokens = next_tokens.clamp(min=0)
    added = log_probs.gather(-1, next_tokens).masked_fill(repeated | progress.satisfied, -inf)
    return torch.cat([values, added], -1), torch.cat([tokens, next_tokens], -1)


def count_satisfied(tokens: Tensor, progress: ConstraintProgress) -> Tensor:
    """The bank of each candidate: how many phrase tokens the row contains after it, (rows, n).

    All tokens of complete phrases count. Of the incomplete phrases, only the tokens of the most
    advanced one count. A closing row counts one more.

    Args:
        tokens: next tokens, (rows, n).
        progress: of the rows before these tokens.
    """
    follows = tokens[:, :, None, None] == progress.phrases[:, None]  # (rows, n, phrases, longest)
    positions = torch.arange(1, progress.begun.shape[-1] + 1, device=tokens.device)
    begun = ((follows & progress.begun[:, None]) * positions).amax(-1)
    lengths = progress.lengths[:, None]
    satisfied = progress.satisfied[:, None] | (begun == lengths)
    return (satisfied * lengths).sum(-1) + (begun * ~satisfied).amax(-1) + progress.closing[:, None]


def round_robin_over_banks(scores: Tensor, banks: Tensor, amount: int) -> Tensor:
    """Indices (sentences, amount) of the best of every bank, then the second of every bank, ...

    `scores` and `banks` are (sentences, n). Each round starts at the highest bank, so the most
    advanced hypothesis always stays in the beam. Candidates with the score -inf come last.
    """
    best_first = scores.argsort(dim=-1, descending=True, stable=True)
    by_bank = banks.gather(-1, best_first).argsort(dim=-1, descending=True, stable=True)
    indices = best_first.gather(-1, by_bank)
    bank = banks.gather(-1, indices)
    position = torch.arange(bank.shape[-1], device=bank.device).expand_as(bank)
    first = pad(bank[:, 1:] != bank[:, :-1], (1, 0), value=True)
    round_number = position - (position * first).cummax(-1).values
    round_number = round_number + (scores.gather(-1, indices) == -inf) * bank.shape[-1]
    return indices.gather(-1, round_number.argsort(dim=-1, stable=True)[:, :amount])
