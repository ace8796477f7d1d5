"""JSON and JSON Lines files: the strings of objects, unchanged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from seqlstm.data.sources.cells import PEEKED_ROWS, Cells, Columns, Table, refuse_column
from seqlstm.data.sources.plain_text import content, open_binary, suffix_of
from seqlstm.errors import DataError
from seqlstm.runtime.text_input import read_lines

Values = Iterator[tuple[str, Any]]
"""Where each value is in its file, such as "line 3", and the value."""

_ABSENT = object()
_SPACE = re.compile(r"[ \t\n]*")
_TYPES = {
    bool: "a truth value",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


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


def strings_in(path: Path) -> list[str]:
    """The names of the columns of strings in the first rows, dotted where nested.

    Raises:
        DataError: as `read_json`.
    """
    is_text: dict[str, bool] = {}
    for _, row in islice(_objects(path, _values(path, None)), PEEKED_ROWS):
        for name, value in _named(row):
            is_text[name] = is_text.get(name, False) or isinstance(value, str)
    return [name for name in is_text if is_text[name]]


def _objects(path: Path, values: Values) -> Iterator[tuple[str, dict[str, Any]]]:
    for place, value in values:
        if not isinstance(value, dict):
            raise DataError(f"{path}, {place}: {_describe(value)}, not an object with columns.")
        yield place, value


def _cells(path: Path, columns: Columns, values: Values) -> Iterator[Cells]:
    absent = set(columns)
    first: dict[str, Any] | None = None
    for place, value in _objects(path, values):
        cells = [_look_up(value, column) for column in columns]
        for column, cell in zip(columns, cells, strict=True):
            if cell is not _ABSENT:
                absent.discard(column)
                if problem := _problem(cell):
                    raise DataError(f'{path}, {place}: column "{column}" holds {problem}.')
        first = first or value
        yield tuple([None if cell is _ABSENT else cell for cell in cells])
    if first is not None and absent:
        column = next(column for column in columns if column in absent)
        refuse_column(str(path), column, [name for name, _ in _named(first)], None)


def _look_up(value: Any, column: str) -> Any:
    """The value of a column, dotted where nested; `_ABSENT` if there is none."""
    if not isinstance(value, dict):
        return _ABSENT
    if column in value:
        return value[column]
    outer, dot, inner = column.partition(".")
    return _look_up(value.get(outer), inner) if dot else _ABSENT


def _problem(cell: Any) -> str | None:
    """What a cell is, if it is neither text nor null."""
    if cell is None:
        return None
    if not isinstance(cell, str):
        return f"{_describe(cell)}, not text"
    try:
        cell.encode()
    except UnicodeEncodeError as error:
        return f"\\u{ord(cell[error.start]):04x}, half of a surrogate pair and no character"
    return None


def _describe(value: Any) -> str:
    if value is None:
        return "null"
    written = json.dumps(value)
    shown = written if len(written) <= 40 else f"{written[:39]}…"
    return f"{_TYPES[type(value)]} ({shown})"


def _named(row: dict[str, Any], outer: str = "") -> Iterator[tuple[str, Any]]:
    """The names of the columns of a row, dotted where nested, and their values."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _named(value, f"{outer}{name}.")
        else:
            yield f"{outer}{name}", value


def _values(path: Path, field: str | None) -> Values:
    if suffix_of(path) == ".json" or field is not None:
        return _whole(path, content(path), field)
    return _lines(path)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of keys and values; a ValueError if it has a key twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f'an object has the key "{twice}" twice')
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def _lines(path: Path) -> Values:
    with open_binary(path) as stream:
        for number, line in enumerate(read_lines(stream, str(path)), start=1):
            if line and not line.isspace():
                try:
                    value = _DECODER.decode(line)
                except (ValueError, RecursionError) as error:
                    raise _malformed(path, error, number) from None
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
    try:
        array = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise _malformed(path, error) from None
    if field is not None:
        array = array.get(field) if isinstance(array, dict) else None
    if not isinstance(array, list):
        raise DataError(f'{path} is no object with a list "{field}".')
    return array


def _sequence(path: Path, text: str) -> Iterator[Any]:
    position = _SPACE.match(text).end()  # type: ignore[union-attr]
    while position < len(text):
        try:
            value, end = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise _malformed(path, error) from None
        yield value
        position = _SPACE.match(text, end).end()  # type: ignore[union-attr]


def _malformed(path: Path, error: Exception, line: int | None = None) -> DataError:
    """The error for malformed JSON; for numbers that are too long, and too many brackets."""
    if isinstance(error, json.JSONDecodeError):
        line = line or error.lineno
        return DataError(f"{path}, line {line}: {error.msg} (column {error.colno}).")
    return DataError(f"{path}{f', line {line}' if line else ''}: {error}.")
