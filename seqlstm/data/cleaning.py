"""What is left out of training data and why, counted; and training rows that are also test rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

Pair = tuple[str, str]


@dataclass(frozen=True)
class CleaningReport:
    """How many pairs were read, left out for each reason (the first that applies), and kept."""

    read: int = 0
    empty: int = 0
    too_long: int = 0
    uneven: int = 0
    duplicates: int = 0

    @property
    def kept(self) -> int:
        """What was read and not left out."""
        return self.read - self.empty - self.too_long - self.uneven - self.duplicates

    def line(self) -> str:
        """One line for a person, such as "kept 9 of 10 pairs (1 empty)"."""
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
    longest: int | None = None,
    ratio: float | None = None,
    drop_duplicates: bool = False,
    one_side: bool = False,
) -> tuple[list[Pair], CleaningReport]:
    """Leaves out pairs that teach nothing or the wrong thing, in this order of reasons.

    Args:
        pairs: source and target of each row.
        lengths: of both sides of each row, in whatever unit the limits are meant (pieces, words).
        longest: a pair with a longer side is too long.
        ratio: a pair with one side more than this many times as long as the other is uneven.
        drop_duplicates: keep only the first of several equal pairs.
        one_side: a pair is empty only when both of its sides are; else when either is.

    Returns:
        The pairs kept, in their order, and the count of each reason.
    """
    if len(pairs) != len(lengths):
        raise ValueError(
            f"pairs and lengths must be equally many, were: {len(pairs)}, {len(lengths)}"
        )
    kept: list[Pair] = []
    seen: set[Pair] = set()
    full = any if one_side else all
    counts = {"empty": 0, "too_long": 0, "uneven": 0, "duplicates": 0}
    for pair, (first, second) in zip(pairs, lengths, strict=True):
        if not full(side.strip() for side in pair):
            counts["empty"] += 1
        elif longest is not None and max(first, second) > longest:
            counts["too_long"] += 1
        elif ratio is not None and max(first, second) > ratio * min(first, second):
            counts["uneven"] += 1
        elif drop_duplicates and pair in seen:
            counts["duplicates"] += 1
        else:
            kept.append(pair)
            seen.add(pair)
    return kept, CleaningReport(read=len(pairs), **counts)


def count_overlap(train: Iterable[str | Pair], held_out: Iterable[str | Pair]) -> int:
    """How many training rows also stand among the held-out rows, but for white space around them.

    Rows without any text do not count. A pair counts when both of its sides are the same.
    """
    known = {_stripped(row) for row in held_out}
    return sum(1 for row in map(_stripped, train) if row in known and any(row))


def _stripped(row: str | Pair) -> tuple[str, ...]:
    return (row.strip(),) if isinstance(row, str) else (row[0].strip(), row[1].strip())
