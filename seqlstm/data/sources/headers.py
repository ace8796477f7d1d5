"""Headers: first rows of CSV and TSV files that name their columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seqlstm.data.sources.file_names import is_side

TEXT_NAMES = ("text", "sentence", "content", "document", "body")
"""Usual names of a single column of text, the most usual first."""

_COLUMN_NAME = re.compile(r"[^\W\d]\w*([.:-]\w+)*")
"""A single word, as names of columns are."""
_POSITION = re.compile(r"[1-9][0-9]*")


def is_header(rows: Sequence[Sequence[str]], columns: Sequence[str] = ()) -> bool:
    """Whether the first row of a CSV or TSV file names its columns.

    It does if it has one of the requested names, or all of them where they are positions; or if all
    its cells are single words, as names of columns are. Without a request, where all rows have
    single words, these must be usual names: one of a column of text, or two of sides ("ja" alone
    may be German).

    Args:
        rows: the first ones that are not blank.
        columns: the requested names, if any.
    """
    names = column_names(rows[0])
    if columns and are_positions(columns):
        return all(column in names for column in columns)
    if any(column in names for column in columns):
        return True
    if not _are_words(names):
        return False
    if columns or any(name.casefold() in TEXT_NAMES for name in names):
        return True
    return sum(map(is_side, names)) >= min(2, len(names)) or not all(map(_are_words, rows[1:]))


def column_names(cells: Sequence[str]) -> list[str]:
    """The names in a header, without the empty cell after a separator at its end."""
    return [*(cells[:-1] if cells[-1] == "" else cells)]


def is_usual_name(name: str) -> bool:
    """Whether a name is that of a side or of a column of text."""
    return is_side(name) or name.casefold() in TEXT_NAMES


def as_names(names: Sequence[str]) -> str:
    """The part of a note that reports a first row that may have been text."""
    shown = " | ".join(name[:40] for name in names)
    return f"its first row, {shown}, is taken as names of columns"


def are_positions(columns: Sequence[str]) -> bool:
    """Whether names are positions of columns, from 1."""
    return all(_POSITION.fullmatch(column) for column in columns)


def _are_words(cells: Sequence[str]) -> bool:
    return all(_COLUMN_NAME.fullmatch(cell) for cell in cells)
