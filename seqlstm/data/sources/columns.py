"""Names of the columns of a table, from its first rows."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from seqlstm.data.sources.columnar import text_columns
from seqlstm.data.sources.delimited import COLUMN_NAME
from seqlstm.data.sources.file_names import is_side
from seqlstm.data.sources.plain_text import content, suffix_of
from seqlstm.errors import DataError

TEXT_NAMES = ("text", "sentence", "content", "document", "body")
"""Usual names of a single column of text, the most usual first."""

_PEEKED = 20  # rows


def columns_of(path: Path) -> list[str]:
    """The columns of text of a table: dotted where nested, "1", "2" and so on without a header.

    Raises:
        DataError: the file is empty or malformed.
    """
    match suffix_of(path).casefold():
        case ".csv" | ".tsv" as suffix:
            try:
                rows = [*islice(_rows(path, "\t" if suffix == ".tsv" else ","), _PEEKED)]
            except csv.Error as error:
                raise DataError(f"{path} cannot be read: {error}.") from None
            if not rows:
                raise DataError(f"{path} is empty.")
            return rows[0] if has_header(rows) else [str(n) for n in range(1, len(rows[0]) + 1)]
        case ".parquet" | ".arrow":
            return text_columns(path)
        case _:
            return _json_columns(path)


def has_header(rows: list[list[str]]) -> bool:
    """Whether the first rows of a table begin with names of columns.

    Names are single words. Where all rows have single words, only usual names are names.
    """
    if not all(COLUMN_NAME.fullmatch(cell) for cell in rows[0]):
        return False
    if any(is_side(cell) or cell.casefold() in TEXT_NAMES for cell in rows[0]):
        return True
    return not all(COLUMN_NAME.fullmatch(cell) for row in rows[1:] for cell in row)


def _rows(path: Path, delimiter: str) -> Iterator[list[str]]:
    lines = (line for line in content(path).split("\n") if line)
    if delimiter == "\t":
        return (line.split("\t") for line in lines)
    return csv.reader(lines, delimiter=delimiter)


def _json_columns(path: Path) -> list[str]:
    text = content(path).lstrip()
    try:
        value, _ = json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError as error:
        message = f"{path}, line {error.lineno}: {error.msg} (column {error.colno})."
        raise DataError(message) from None
    first = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, dict):
        raise DataError(f"{path} has no objects with columns.")
    return [*_text_keys(first)]


def _text_keys(table: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _text_keys(value, f"{prefix}{key}.")
        elif isinstance(value, str):
            yield f"{prefix}{key}"
