"""What must not come next: small functions on the gains of all rows, which compose as a list does.

None loops over rows. `required.py` holds what must come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import pad

NOTHING, ANYTHING = -2, -1  # ids that stand where no piece is, and for whichever piece is there


class Prefix(NamedTuple):
    """What has been chosen in each row: `pieces` (rows, steps), and its `sentence` (rows,)."""

    pieces: Tensor
    sentence: Tensor


Constraint: TypeAlias = Callable[[Tensor, Prefix], None]
"""`constrain(gains, past)` writes -inf into gains (rows, vocabulary) where no row may go on."""


def forbid_tokens(ids: Sequence[int]) -> Constraint:
    """None of these ids."""
    never = torch.tensor(sorted(set(ids)), dtype=torch.long)

    def constrain(gains: Tensor, past: Prefix) -> None:
        gains.index_fill_(-1, never.to(gains.device), -inf)

    return constrain


def min_length(minimum: int, *, end: int) -> Constraint:
    """No end before so many pieces."""

    def constrain(gains: Tensor, past: Prefix) -> None:
        if past.pieces.shape[-1] < minimum:
            gains[:, end] = -inf

    return constrain


def max_length(maximum: int, *, end: int) -> Constraint:
    """The end after so many pieces, whatever its probability."""

    def constrain(gains: Tensor, past: Prefix) -> None:
        if past.pieces.shape[-1] >= maximum:
            ending = gains[:, end].clone()
            gains.fill_(-inf)
            gains[:, end] = ending

    return constrain


def no_repeat_ngram(size: int) -> Constraint:
    """No `size` pieces in a row that stood in that order before (Paulus et al., 2018, for 3).

    Raises:
        ValueError: `size` is not positive.
    """
    if size < 1:
        raise ValueError(f"what must not repeat has at least one piece, was: {size}")

    def constrain(gains: Tensor, past: Prefix) -> None:
        steps = past.pieces.shape[-1]
        if steps < size:
            return
        windows = past.pieces.unfold(-1, size, 1)  # (rows, places, size)
        latest = past.pieces[:, None, steps - size + 1 :]
        rows, places = (windows[..., :-1] == latest).all(-1).nonzero(as_tuple=True)
        gains[rows, windows[rows, places, -1]] = -inf

    return constrain


def forbid_phrases(phrases: Sequence[Sequence[int]]) -> Constraint:
    """None of these phrases of ids.

    Raises:
        ValueError: a phrase is empty, or there is none.
    """
    if not phrases or not all(phrases):
        raise ValueError("phrases that must not appear have at least one piece each")
    longest = max(map(len, phrases))
    table = torch.tensor([[ANYTHING] * (longest - len(one)) + list(one) for one in phrases])

    def constrain(gains: Tensor, past: Prefix) -> None:
        told = table.to(gains.device)
        latest = pad(past.pieces, (longest - 1, 0), value=NOTHING)[:, past.pieces.shape[-1] :]
        begun = told[:, :-1]  # (phrases, longest - 1)
        same = (latest[:, None] == begun) | (begun == ANYTHING)
        rows, which = same.all(-1).nonzero(as_tuple=True)
        gains[rows, told[which, -1]] = -inf

    return constrain


def force_prefixes(
    prefixes: Sequence[Sequence[int]], *, then: Sequence[Constraint] = ()
) -> Constraint:
    """Every sentence begins as told; its own constraints, `then`, do not bind its prefix."""
    longest = max(map(len, prefixes), default=0)
    table = torch.tensor(
        [[*one, *[ANYTHING] * (longest - len(one))] for one in prefixes], dtype=torch.long
    ).view(len(prefixes), longest)

    def constrain(gains: Tensor, past: Prefix) -> None:
        step = past.pieces.shape[-1]
        if step >= longest:
            rows = told = past.sentence.new_empty(0)
        else:
            told = table.to(gains.device)[past.sentence, step]
            rows = (told != ANYTHING).nonzero().squeeze(-1)
            told = told[rows]
        kept = gains[rows, told]
        for one in then:
            one(gains, past)
        gains[rows] = -inf
        gains[rows, told] = kept

    return constrain
