"""Names of the columns of a table, from its first rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seqlstm.data.sources.columnar import text_columns
from seqlstm.data.sources.delimited import first_rows
from seqlstm.data.sources.file_names import is_side
from seqlstm.data.sources.headers import as_names, column_names, is_header, is_usual_name
from seqlstm.data.sources.json_files import strings_in
from seqlstm.data.sources.plain_text import suffix_of
from seqlstm.errors import DataError

_DELIMITERS = {".csv": ",", ".tsv": "\t"}


def columns_of(path: Path) -> list[str]:
    """The columns of text of a table: dotted where nested, "1", "2" and so on without a header.

    Raises:
        DataError: the file is empty or malformed.
    """
    suffix = suffix_of(path)
    if delimiter := _DELIMITERS.get(suffix):
        return _columns_in(first_rows(path, delimiter=delimiter), path)
    columns = text_columns(path) if suffix in (".parquet", ".arrow") else strings_in(path)
    if not columns:
        raise DataError(f"{path} has no column of text.")
    return columns


def where_stated(path: Path, columns: Sequence[str], used: Sequence[str]) -> str:
    """The part of a note that reports where names of columns are from.

    Args:
        path: the file.
        columns: as `columns_of` finds them.
        used: those of which the note is. If one is no usual name, the first row may have been text.
    """
    where = f"the columns of {path}"
    is_sure = suffix_of(path) not in _DELIMITERS or columns[0] == "1"
    return where if is_sure or all(map(is_usual_name, used)) else f"{where}; {as_names(columns)}"


def sides_in(columns: Sequence[str]) -> list[str]:
    """The columns that are languages, or sides of a known direction, by their names."""
    return [
        column
        for column in columns
        if is_side(column.rpartition(".")[2]) and not has_row_ids([column])
    ]


def has_row_ids(columns: Sequence[str]) -> bool:
    """Whether a column is called "id", which is also Indonesian: it is never taken for a side."""
    return any(column.casefold() == "id" for column in columns)


def _columns_in(rows: list[list[str]], path: Path) -> list[str]:
    if not rows:
        raise DataError(f"{path} is empty.")
    if is_header(rows):
        return column_names(rows[0])
    width = len(rows[0]) - all(row[-1] == "" for row in rows)
    return [str(place) for place in range(1, width + 1)]
