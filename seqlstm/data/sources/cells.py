"""Cells of text of a table, and the rows that they make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, cast

from seqlstm.errors import DataError, nearest

Columns = tuple[str, ...]
Cells = tuple[str | None, ...]
"""The texts of a row, one for each column that is read; None where a cell is missing."""

PEEKED_ROWS = 20  # that are read to find names of columns

_SHOWN_ROWS = 3


@dataclass(frozen=True)
class Table:
    """The columns of a file that are read, row by row.

    Attributes:
        rows: of cells; they can be iterated once.
        has_header: whether the file names its columns; None for an empty file.
        notes: what reading decided; lines to print. Iterating over the rows may add to them.
    """

    rows: Iterable[Cells]
    has_header: bool | None = True
    notes: list[str] = field(default_factory=list)


def complete_rows(
    table: Table, columns: Columns, *, name: str
) -> list[str] | list[tuple[str, str]]:
    """The rows without missing cells: texts, or pairs. A note is added of those that are left out.

    Args:
        table: the table; its rows are used up.
        columns: the names of the cells. Cells behind these, of references, may be missing: such a
            row is kept, and its missing texts are empty.
        name: of the file, for the note.
    """
    width = len(columns)
    rows: list[Cells] = []
    left_out: list[int] = []
    missing: set[int] = set()
    total = 0
    for total, cells in enumerate(table.rows, start=1):
        if None not in cells:
            rows.append(cells)
        elif None in cells[:width]:
            left_out.append(total)
            missing.update(place for place, cell in enumerate(cells[:width]) if cell is None)
        else:
            rows.append(tuple([cell or "" for cell in cells]))
    if left_out:
        named = [columns[place] for place in sorted(missing)]
        table.notes.append(_left_out(left_out, total, named, name))
    if len(columns) == 1:
        return [cast(str, cells[0]) for cells in rows]
    return cast(list[tuple[str, str]], rows)


def _left_out(rows: Sequence[int], total: int, columns: Sequence[str], name: str) -> str:
    shown = ", ".join(f"{row:,}" for row in rows[:_SHOWN_ROWS])
    more = ", …" if len(rows) > _SHOWN_ROWS else ""
    named = " or ".join(f'"{column}"' for column in columns)
    return (
        f"{name}: {len(rows):,} of {total:,} rows left out: no text in column {named} "
        f"({'row' if len(rows) == 1 else 'rows'} {shown}{more})"
    )


def refuse_column(name: str, column: str, existing: Sequence[str], hint: str | None) -> NoReturn:
    """Raise the DataError for a column that a table does not have.

    Args:
        name: of the table.
        column: the name that was asked for.
        existing: the names that there are.
        hint: what else can be done than naming an existing one.
    """
    raise DataError(
        f'{name} has no column "{column}". Its columns: {", ".join(existing)}.',
        hint="\n".join(filter(None, [nearest(column, existing), hint])) or None,
    )
