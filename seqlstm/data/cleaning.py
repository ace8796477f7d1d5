"""Cleaning of training pairs, with a count of each reason; and train/test leakage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

Pair = tuple[str, str]


@dataclass(frozen=True)
class CleaningReport:
    """Numbers of pairs that were read, and left out for each reason (the first that applies)."""

    read: int = 0
    empty: int = 0
    too_long: int = 0
    uneven: int = 0
    duplicates: int = 0

    @property
    def kept(self) -> int:
        """Pairs that were not left out."""
        return self.read - self.empty - self.too_long - self.uneven - self.duplicates

    def line(self) -> str:
        """The report as text, such as "kept 9 of 10 pairs (1 empty)"."""
        left_out = [
            f"{getattr(self, field.name):,} {field.name.replace('_', ' ')}"
            for field in fields(self)
            if field.name != "read" and getattr(self, field.name)
        ]
        reasons = f" ({', '.join(left_out)})" if left_out else ""
        return f"kept {self.kept:,} of {self.read:,} pairs{reasons}"


def clean_pairs(
    pairs: Sequence[Pair],
    *,
    lengths: Sequence[tuple[int, int]],
    max_length: int | None = None,
    max_length_ratio: float | None = None,
    drop_duplicates: bool = False,
    allow_empty_side: bool = False,
) -> tuple[list[int], CleaningReport]:
    """Leave out empty, too long, uneven and duplicate pairs, checked in this order.

    Args:
        pairs: source and target of each row.
        lengths: of source and target of each row, in the unit of the limits (tokens, words).
        max_length: a pair with a longer side is too long.
        max_length_ratio: a pair is uneven if one side is more than this many times as long as the
            other.
        drop_duplicates: keep only the first of several equal pairs.
        allow_empty_side: leave out a pair only if both of its sides are empty; by default, a pair
            is left out if either side is empty.

    Returns:
        The indices of the clean pairs, in order, and the count of each reason.

    Raises:
        ValueError: `pairs` and `lengths` have different lengths.
    """
    if len(pairs) != len(lengths):
        raise ValueError(
            f"pairs and lengths must be equally many, were: {len(pairs)}, {len(lengths)}"
        )
    clean: list[int] = []
    seen: set[Pair] = set()
    has_text = any if allow_empty_side else all
    counts = {"empty": 0, "too_long": 0, "uneven": 0, "duplicates": 0}
    for row, (pair, sides) in enumerate(zip(pairs, lengths, strict=True)):
        if not has_text(side.strip() for side in pair):
            counts["empty"] += 1
        elif max_length is not None and max(sides) > max_length:
            counts["too_long"] += 1
        elif max_length_ratio is not None and max(sides) > max_length_ratio * min(sides):
            counts["uneven"] += 1
        elif drop_duplicates and pair in seen:
            counts["duplicates"] += 1
        else:
            clean.append(row)
            seen.add(pair)
    return clean, CleaningReport(read=len(pairs), **counts)


def count_overlap(train: Iterable[str | Pair], held_out: Iterable[str | Pair]) -> int:
    """Train/test leakage: the number of training rows that are also held-out rows.

    White space around a text is ignored, and empty rows do not count. Pairs are equal if both
    sides are equal.
    """
    held_out_rows = {_stripped(row) for row in held_out}
    return sum(1 for row in map(_stripped, train) if row in held_out_rows and any(row))


def _stripped(row: str | Pair) -> tuple[str, ...]:
    return (row.strip(),) if isinstance(row, str) else (row[0].strip(), row[1].strip())
