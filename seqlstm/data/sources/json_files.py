"""JSON and JSON Lines files: the strings of objects, unchanged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seqlstm.data.sources.cells import Cells, Columns, Table, refuse_column
from seqlstm.data.sources.plain_text import content, open_binary, suffix_of
from seqlstm.errors import DataError
from seqlstm.runtime.text_input import read_lines

Values = Iterator[tuple[str, Any]]
"""Where each value is in its file, such as "line 3", and the value."""

_ABSENT = object()
_SPACE = re.compile(r"[ \t\n]*")
_TYPES = {bool: "a truth value", int: "a number", float: "a number", dict: "an object"}


def read_json(path: Path, columns: Columns, *, field: str | None = None) -> Table:
    """The columns of a JSON or JSON Lines file; dotted names are those of nested objects.

    A row is an object, or a string of an array of strings, whose only column is "text". A cell that
    is null or absent is missing.

    Args:
        path: the file. With the suffix ".json" it holds an array, or one object after the other;
            else one object a line.
        columns: the requested names.
        field: the key of an outer object that holds the array.

    Raises:
        DataError: a column that no row has, a cell that is not a string, or malformed JSON. Rows
            are checked when they are read.
    """
    return Table(_cells(path, columns, _values(path, field)))


def _cells(path: Path, columns: Columns, values: Values) -> Iterator[Cells]:
    found: set[str] = set()
    first: dict[str, Any] | None = None
    for place, value in values:
        if not isinstance(value, dict):
            raise DataError(f"{path}, {place}: {_describe(value)}, not an object with columns.")
        cells = [_look_up(value, column) for column in columns]
        for index, (column, cell) in enumerate(zip(columns, cells, strict=True)):
            if cell is _ABSENT:
                cells[index] = None
                continue
            found.add(column)
            if cell is not None:
                _check_text(cell, f'{path}, {place}: column "{column}"')
        first = first or value
        yield tuple(cells)
    for column in columns:
        if first is not None and column not in found:
            refuse_column(str(path), column, [*_names(first)], None)


def _look_up(value: Any, column: str) -> Any:
    """The value of a column, dotted where nested; `_ABSENT` if there is none."""
    if not isinstance(value, dict):
        return _ABSENT
    if column in value:
        return value[column]
    outer, dot, inner = column.partition(".")
    return _look_up(value.get(outer), inner) if dot else _ABSENT


def _check_text(cell: Any, where: str) -> None:
    if not isinstance(cell, str):
        raise DataError(f"{where} holds {_describe(cell)}, not text.")
    try:
        cell.encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(cell[error.start]):04x}"
        raise DataError(f"{where} holds {half}, half of a pair, which is no character.") from None


def _describe(value: Any) -> str:
    if value is None:
        return "null"
    written = json.dumps(value)
    shown = written if len(written) <= 40 else f"{written[:39]}…"
    return (
        f"{_TYPES.get(type(value), 'a list' if isinstance(value, list) else 'a string')} ({shown})"
    )


def _names(row: dict[str, Any], outer: str = "") -> Iterator[str]:
    """The names of the columns of a row, dotted where nested."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _names(value, f"{outer}{name}.")
        else:
            yield f"{outer}{name}"


def _values(path: Path, field: str | None) -> Values:
    if suffix_of(path) == ".json" or field is not None:
        return _whole(path, content(path), field)
    return _lines(path)


def _lines(path: Path) -> Values:
    with open_binary(path) as stream:
        for number, line in enumerate(read_lines(stream, str(path)), start=1):
            if line and not line.isspace():
                with _json_errors(path, number):
                    value = json.loads(line)
                yield f"line {number}", value


def _whole(path: Path, text: str, field: str | None) -> Values:
    """The values of an array, or those that stand one after the other."""
    if field is None and not text.lstrip().startswith("["):
        values: Iterable[Any] = _sequence(path, text)
    else:
        values = _array(path, text, field)
    for number, value in enumerate(values, start=1):
        yield f"row {number}", {"text": value} if isinstance(value, str) else value


def _array(path: Path, text: str, field: str | None) -> list[Any]:
    with _json_errors(path):
        array = json.loads(text)
    if field is not None:
        array = array.get(field) if isinstance(array, dict) else None
    if not isinstance(array, list):
        raise DataError(f'{path} is no object with a list "{field}".')
    return array


def _sequence(path: Path, text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    position = _SPACE.match(text).end()  # type: ignore[union-attr]
    while position < len(text):
        with _json_errors(path):
            value, end = decoder.raw_decode(text, position)
        yield value
        position = _SPACE.match(text, end).end()  # type: ignore[union-attr]


@contextmanager
def _json_errors(path: Path, number: int | None = None) -> Iterator[None]:
    """A context that names file and line of malformed JSON."""
    try:
        yield
    except json.JSONDecodeError as error:
        line = number or error.lineno
        raise DataError(f"{path}, line {line}: {error.msg} (column {error.colno}).") from None
    except (ValueError, RecursionError) as error:  # numbers too long, too many brackets
        where = f"{path}, line {number}" if number else str(path)
        raise DataError(f"{where}: {error}.") from None
