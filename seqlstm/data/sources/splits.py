"""Split expressions: aliases, slices and sums, such as "validation+test" or "train[:98%]"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from seqlstm.errors import DataError, SplitError, nearest

Row = TypeVar("Row")

# The aliases with which `datasets` finds splits by file name; the first is the split's own name.
ALIASES = (
    ("train", "training"),
    ("validation", "valid", "val", "dev"),
    ("test", "testing", "eval", "evaluation"),
)
_PART = re.compile(r"(?P<split>[\w.-]+)(\[(?P<start>-?\d+%?)?:(?P<stop>-?\d+%?)?\])?")


@dataclass(frozen=True)
class SplitSlice:
    """A split or a slice of it. Bounds are row numbers, or per cent if they end in "%"."""

    split: str
    start: str | None = None
    stop: str | None = None

    def cut(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows of this slice, from all rows of the split."""
        if self.start is None and self.stop is None:
            return rows
        return rows[_bound(self.start, len(rows)) : _bound(self.stop, len(rows))]


def parse(split: str) -> list[SplitSlice]:
    """The slices of a split expression such as "train[:98%]" or "validation+test", in order.

    Raises:
        DataError: `split` is not a split expression.
    """
    matches = [_PART.fullmatch(part.strip()) for part in split.split("+")]
    if not all(matches):
        raise DataError(
            f'"{split}" names no split.',
            hint='Right would be "train", "train[:98%]" or "val+test".',
        )
    return [SplitSlice(match["split"], match["start"], match["stop"]) for match in matches if match]


def resolve(split: str, *, available: Iterable[str], source: str) -> str:
    """The name of an available split, found by name or alias.

    Args:
        split: a name or an alias.
        available: the names of the source's splits.
        source: the source's name, for messages.

    Raises:
        SplitError: the source has no such split.
    """
    names = list(available)
    for name in [split, *_aliases(split)]:
        if name in names:
            return name
    listed = ", ".join(names) or "none"
    hint = nearest(split, names)
    if names == ["train"]:
        hint = 'Slices of it will do: "train[:98%]" to train on, "train[98%:]" to validate.'
    raise SplitError(f'{source} has no split "{split}". Its splits: {listed}.', hint=hint)


def _aliases(split: str) -> tuple[str, ...]:
    return next((names for names in ALIASES if split in names), ())


def _bound(bound: str | None, rows: int) -> int | None:
    if bound is None or not bound.endswith("%"):
        return None if bound is None else int(bound)
    return round(int(bound[:-1]) * rows / 100)
