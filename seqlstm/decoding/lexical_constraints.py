"""Phrases that must appear: beams shared out by how much of them has been said.

After grid beam search (Hokamp & Liu, 2017) with the dynamic beam allocation of Post & Vilar (2018),
vectorised over sentences and beams (as Hu et al., 2019, do it).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from seqlstm.decoding.constraints import ANYTHING, NOTHING, Prefix


class ConstraintProgress(NamedTuple):
    """How far each row has come.

    Attributes:
        phrases: of each row's sentence, (rows, phrases, longest).
        lengths: of these, (rows, phrases).
        said: which stand in the row, (rows, phrases).
        begun: whether the row's last k pieces are the first k of the phrase, for every k less than
            the longest's length, (rows, phrases, longest).
        closing: whether all is said, and there was something to say, at the last step, (rows,).
    """

    phrases: Tensor
    lengths: Tensor
    said: Tensor
    begun: Tensor
    closing: Tensor


class LexicalConstraints:
    """The phrases that must appear in each sentence, in any order; they may overlap.

    Args:
        phrases: for every sentence its phrases of ids; there may be none.

    Raises:
        ValueError: a phrase is empty.
    """

    def __init__(self, phrases: Sequence[Sequence[Sequence[int]]]) -> None:
        if not all(map(all_filled, phrases)):
            raise ValueError("phrases that must appear have at least one piece each")
        most = max([1, *map(len, phrases)])
        longest = max((len(one) for each in phrases for one in each), default=1)
        rows = [[*each, *[[]] * (most - len(each))] for each in phrases]
        self.phrases = torch.tensor(
            [[[*one, *[ANYTHING] * (longest - len(one))] for one in each] for each in rows],
            dtype=torch.long,
        ).view(len(rows), most, longest)

    def standing(self, past: Prefix, last: Tensor) -> ConstraintProgress:
        """How far rows have come; `last` (rows,): whether it is their last step."""
        phrases = self.phrases.to(past.pieces.device)[past.sentence]
        longest = phrases.shape[-1]
        anything = phrases == ANYTHING
        windows = pad(past.pieces, (0, longest), value=NOTHING).unfold(-1, longest, 1)
        same = (windows[:, :, None] == phrases[:, None]) | anything[:, None]
        lengths = (~anything).sum(-1)
        said = same.all(-1).any(1) | (lengths == 0)
        latest = pad(past.pieces, (longest, 0), value=NOTHING)[:, None]
        begun = [
            (latest[..., latest.shape[-1] - size :] == phrases[..., :size]).all(-1)
            for size in range(longest)
        ]
        closing = said.all(-1) & (lengths > 0).any(-1) & last
        return ConstraintProgress(phrases, lengths, said, torch.stack(begun, -1), closing)


def all_filled(phrases: Sequence[Sequence[int]]) -> bool:
    return all(map(len, phrases))


def mask_end(gains: Tensor, standing: ConstraintProgress, *, end: int) -> None:
    """No end before every phrase has been said, and nothing else where a row must close."""
    ending = gains[:, end].masked_fill(~standing.said.all(-1), -inf)
    gains.masked_fill_(standing.closing[:, None], -inf)
    gains[:, end] = ending


def add_constraint_tokens(
    gains: Tensor, values: Tensor, tokens: Tensor, standing: ConstraintProgress
) -> tuple[Tensor, Tensor]:
    """Candidates (rows, n), and beside them the pieces that bring a phrase on: (rows, n + phrases).

    Without these, a phrase that the model would not say had no chance to be said.
    """
    places = torch.arange(standing.begun.shape[-1], device=gains.device)
    inside = places < standing.lengths[..., None]
    reached = ((standing.begun & inside) * places).amax(-1, keepdim=True)
    offered = standing.phrases.gather(-1, reached).squeeze(-1)  # (rows, phrases)
    joined = torch.cat([tokens, offered], -1)
    again = (joined[:, :, None] == joined[:, None]).tril(-1).any(-1)[:, tokens.shape[-1] :]
    offered = offered.clamp(min=0)
    gained = gains.gather(-1, offered).masked_fill(again | standing.said, -inf)
    return torch.cat([values, gained], -1), torch.cat([tokens, offered], -1)


def count_satisfied(tokens: Tensor, standing: ConstraintProgress) -> Tensor:
    """How many pieces of phrases are said when a row goes on by each of its tokens: both (rows, n).

    Those of the phrases that are complete, and of the others those of the most advanced. An end at
    the last step counts as one more.
    """
    follows = tokens[:, :, None, None] == standing.phrases[:, None]  # (rows, n, phrases, longest)
    places = torch.arange(1, standing.begun.shape[-1] + 1, device=tokens.device)
    begun = ((follows & standing.begun[:, None]) * places).amax(-1)
    lengths = standing.lengths[:, None]
    said = standing.said[:, None] | (begun == lengths)
    return (said * lengths).sum(-1) + (begun * ~said).amax(-1) + standing.closing[:, None]


def round_robin_over_banks(sums: Tensor, banks: Tensor, amount: int) -> Tensor:
    """Places (sentences, amount) of the best of every bank, then the second of every bank, ...

    `sums` and `banks` are (sentences, n). The highest bank comes first in each turn, so that what
    has come furthest always lives on. What is impossible comes last.
    """
    best_first = sums.argsort(dim=-1, descending=True, stable=True)
    by_bank = banks.gather(-1, best_first).argsort(dim=-1, descending=True, stable=True)
    places = best_first.gather(-1, by_bank)
    bank = banks.gather(-1, places)
    position = torch.arange(bank.shape[-1], device=bank.device).expand_as(bank)
    opens = pad(bank[:, 1:] != bank[:, :-1], (1, 0), value=True)
    turn = position - (position * opens).cummax(-1).values
    turn = turn + (sums.gather(-1, places) == -inf) * bank.shape[-1]
    return places.gather(-1, turn.argsort(dim=-1, stable=True)[:, :amount])
