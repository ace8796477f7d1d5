"""CSV and TSV files: cells as they are written, never taken for numbers, dates or missing values.

A TSV file has no quoting: a quotation mark is a character. A CSV file is quoted as in RFC 4180;
the end of a line inside of quotes is "\\n", as in every text that can be typed.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from itertools import chain, islice
from pathlib import Path

from seqlstm.data.sources.cells import PEEKED_ROWS, Cells, Columns, Table, refuse_column
from seqlstm.data.sources.file_names import is_reversed
from seqlstm.data.sources.headers import are_positions, as_names, column_names, is_header
from seqlstm.data.sources.plain_text import content, open_binary
from seqlstm.errors import DataError
from seqlstm.runtime.text_input import CHUNK, read_lines, without_mark

Rows = Iterator[tuple[int, list[str]]]
"""The line on which a row begins, from 1, and its cells; a blank line has one empty cell."""

_LONGEST_CELL = 2**31 - 1  # the csv module's own limit is 131,072 characters
_SEPARATORS = "Between cells stands a comma in CSV, and a tab in TSV."
_BLANK = [""]
_TAB = "\t"


def read_delimited(path: Path, columns: Columns, *, delimiter: str) -> Table:
    """The columns of a CSV or TSV file, by the names in its header or by position.

    `is_header` decides whether the first row is a header. In a file without one the requested
    columns are the first ones, unless they are named by their positions: "1", "2" and so on.

    Args:
        path: the file.
        columns: the requested names.
        delimiter: a tab for TSV; else the separator of CSV.

    Raises:
        DataError: the file has other columns, rows with another number of cells than the first
            one, or malformed quotes. Rows are checked when they are read.
    """
    notes: list[str] = []
    rows = _rows(path, delimiter, notes)
    first = next((row for row in rows if row[1] != _BLANK), None)
    if first is None:
        return Table((), has_header=None)
    names = first[1]
    if not is_header([names], columns):
        places = _positions(path, columns, names)
        checked = _same_width(path, chain([first], rows), len(names), delimiter)
        notes.append(_by_position(path, columns, places, names))
        return Table(_select(checked, places), has_header=False, notes=notes)
    places = [_place(path, column, names) for column in columns]
    if are_positions(columns):
        notes.append(f"{path.name}: {as_names(column_names(names))}")
    second = next(rows, None)
    rows = chain([second], rows) if second else rows
    if second and len(second[1]) == len(names) + 1 and second[1][-1] == "":
        notes.append(f"{path.name}: the last column, which is empty and has no name, is ignored")
        rows = _without_last(rows)
    return Table(_select(_same_width(path, rows, len(names), delimiter), places), notes=notes)


def first_rows(path: Path, *, delimiter: str) -> list[list[str]]:
    """The cells of the first rows of a CSV or TSV file that are not blank.

    Raises:
        DataError: as `read_delimited`.
    """
    rows = (cells for _, cells in _rows(path, delimiter, []) if cells != _BLANK)
    return [*islice(rows, PEEKED_ROWS)]


def _rows(path: Path, delimiter: str, notes: list[str]) -> Rows:
    return _tsv_rows(path, notes) if delimiter == _TAB else _csv_rows(path, delimiter)


def _tsv_rows(path: Path, notes: list[str]) -> Rows:
    quoted = []
    with open_binary(path) as stream:
        for number, line in enumerate(read_lines(stream, str(path)), start=1):
            cells = line.split(_TAB)
            if '""' in line and any(map(_is_quoted, cells)):
                quoted.append(number)
            yield number, cells
    if quoted:
        lines = (
            f"{len(quoted):,} line{'' if len(quoted) == 1 else 's'}, first in line {quoted[0]:,}"
        )
        notes.append(
            f"{path.name}: cells that are quoted as in CSV ({lines}) are read as written; "
            "save the table as CSV if the marks are no part of the text"
        )


def _is_quoted(cell: str) -> bool:
    """Whether a cell is in quotation marks, with doubled ones inside."""
    return cell[0:1] == '"' == cell[-1:] and '""' in cell[1:-1]


def _csv_rows(path: Path, delimiter: str) -> Rows:
    csv.field_size_limit(_LONGEST_CELL)
    number = 1
    with open_binary(path) as stream:
        without_mark(stream.read(CHUNK), str(path))  # raises for other encodings
        stream.seek(0)
        lines = TextIOWrapper(stream, "utf-8-sig")  # universal newlines
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            for cells in reader:
                yield number, cells or _BLANK
                number = reader.line_num + 1
        except UnicodeDecodeError:
            content(path)  # raises the error that names the line
            raise
        except csv.Error as error:
            raise DataError(
                f"{path}, line {number}: {error}.",
                hint='A cell that begins with " ends with ", and a " inside it is doubled: "".',
            ) from None


def _place(path: Path, column: str, names: Sequence[str]) -> int:
    """The place of a column in a file with a header."""
    if names.count(column) > 1:
        raise DataError(f'{path} has {names.count(column)} columns "{column}".')
    if column not in names:
        hint = 'If its first row is text and no header, name the columns by position: "1", "2".'
        refuse_column(str(path), column, names, hint)
    return names.index(column)


def _names_any(cell: str, columns: Columns) -> bool:
    """Whether a cell is several names, with another separator between them."""
    return any(column in re.split(r"[;,|\t]", cell) for column in columns)


def _positions(path: Path, columns: Columns, first_row: Sequence[str]) -> list[int]:
    """The places of the columns in a file without a header."""
    width = len(first_row)
    explicit = are_positions(columns)
    places = [int(column) - 1 for column in columns] if explicit else [*range(len(columns))]
    has = f"{path} has no header and {width} column{'' if width == 1 else 's'}"
    if not explicit and any(are_positions([column]) for column in columns):
        named = " and ".join(f'"{column}"' for column in columns)
        hint = 'Name all columns by position: "1", "2".'
        raise DataError(f"{path} has no header, and {named} mix names and positions.", hint=hint)
    if max(places) >= width:
        raise DataError(f"{has}: there is no column {max(places) + 1}.", hint=_SEPARATORS)
    other = next((cell for cell in first_row if not explicit and _names_any(cell, columns)), None)
    if other is not None:
        raise DataError(f'{path}, line 1: "{other[:40]}" is one cell.', hint=_SEPARATORS)
    if not explicit and len(columns) == 1 and width > 1:
        raise DataError(
            f'{has}: which one is "{columns[0]}"?', hint='Name its position, such as text = "1".'
        )
    if not explicit and len(columns) > 1 and is_reversed(path.name, columns[:2]):
        raise DataError(
            f"{path} has no header, and its name states another order of columns than "
            f"{columns[0]}, {columns[1]}.",
            hint=f'Give it a header, or name the columns by position: "2", "1" if the first one is '
            f'{columns[1]}, else "1", "2".',
        )
    return places


def _by_position(
    path: Path, columns: Columns, places: Sequence[int], first_row: Sequence[str]
) -> str:
    """The line that reports how the columns of a file without a header were found."""
    found = " and ".join(
        f"column {place + 1}" if column == str(place + 1) else f'column {place + 1} as "{column}"'
        for column, place in zip(columns, places, strict=True)
    )
    shown = " | ".join(first_row[place][:40] for place in places)
    of = f" of {len(first_row)}" if len(first_row) > len(places) else ""
    return f"{path.name} has no header: {found}{of}; its first row is text: {shown}"


def _select(rows: Iterator[list[str]], places: Sequence[int]) -> Iterator[Cells]:
    """The cells at `places` of each row; None for those of a blank line."""
    last = max(places)
    for cells in rows:
        yield tuple([cells[place] if last < len(cells) else None for place in places])


def _same_width(path: Path, rows: Rows, width: int, delimiter: str) -> Iterator[list[str]]:
    """The cells of each row, after a check of their number; none for a blank line."""
    for number, cells in rows:
        if len(cells) == width:
            yield cells
        elif cells == _BLANK:
            yield []
        else:
            raise _other_width(path, number, len(cells), width, delimiter)


def _without_last(rows: Rows) -> Rows:
    """The rows without a last cell that is empty, where a line ends with a separator."""
    for number, cells in rows:
        yield number, cells[:-1] if len(cells) > 1 and cells[-1] == "" else cells


def _other_width(path: Path, number: int, cells: int, width: int, delimiter: str) -> DataError:
    """The error for a row whose number of cells differs from that of the first row."""
    hint = None
    if cells > width:
        hint = "A tab separates cells, and cannot be part of a text."
        if delimiter != _TAB:
            hint = f'A text with "{delimiter}" in it needs quotes: "Well{delimiter} yes"'
    has = f"{cells} cell{'' if cells == 1 else 's'}"
    return DataError(f"{path}, line {number}: {has}, but its first line has {width}.", hint=hint)
