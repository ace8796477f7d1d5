"""Parquet and Arrow: columns of the type string."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seqlstm.data.sources.cells import Cells, Columns, Table, refuse_column
from seqlstm.data.sources.plain_text import COMPRESSED, read_bytes, suffix_of
from seqlstm.errors import DataError


def read_parquet(path: Path, columns: Columns) -> Table:
    """The columns of a Parquet file; dotted names are those of nested columns.

    Raises:
        DataError: the file is damaged, or has no such column, or one that is not text.
    """
    import pyarrow.parquet

    with _arrow_errors(path):
        file = pyarrow.parquet.ParquetFile(_stream(path))
        _check_columns(file.schema_arrow, columns, str(path))
    return Table(_named_errors(path, _text_cells(file.iter_batches(columns=[*columns]), columns)))


def read_arrow(path: Path, columns: Columns) -> Table:
    """The columns of a file in Arrow's stream or file format; dotted names as in Parquet.

    Raises:
        DataError: as `read_parquet`.
    """
    with _arrow_errors(path):
        schema, batches = _arrow_batches(path)
        _check_columns(schema, columns, str(path))
    return Table(_named_errors(path, _text_cells(batches, columns)))


def text_columns(path: Path) -> list[str]:
    """The columns of text of a Parquet or Arrow file, dotted where nested.

    Raises:
        DataError: the file is damaged.
    """
    import pyarrow.parquet

    with _arrow_errors(path):
        if suffix_of(path) == ".parquet":
            schema = pyarrow.parquet.ParquetFile(_stream(path)).schema_arrow
        else:
            schema, _ = _arrow_batches(path)
    return [field.name for field in _flatten(schema.empty_table()).schema if _is_text(field.type)]


def _arrow_batches(path: Path) -> tuple[Any, Iterable[Any]]:
    """Schema and record batches of a file in Arrow's stream or file format."""
    import pyarrow

    try:
        stream = pyarrow.ipc.open_stream(_stream(path))
    except pyarrow.ArrowInvalid:
        file = pyarrow.ipc.open_file(_stream(path))
        return file.schema, map(file.get_batch, range(file.num_record_batches))
    return stream.schema, stream


def read_data_set(data_set: Any, columns: Columns, *, name: str) -> Table:
    """The columns of a split that `datasets` has prepared.

    Raises:
        DataError: it has no such column, or one that is not text.
    """
    table = data_set.with_format("arrow")[:]
    _check_columns(table.schema, columns, name)
    return Table(_text_cells(table.to_batches(), columns))


def _check_columns(schema: Any, columns: Columns, name: str) -> None:
    """Make sure that an Arrow schema has the columns, and that they are text.

    Raises:
        DataError: it has no such column, two of them, or one of another type.
    """
    flat = _flatten(schema.empty_table()).schema
    for column in columns:
        if column not in flat.names:
            refuse_column(name, column, flat.names, None)
        if flat.names.count(column) > 1:
            raise DataError(f'{name} has {flat.names.count(column)} columns "{column}".')
        kind = flat.field(column).type
        if not _is_text(kind):
            raise DataError(f'{name}: column "{column}" has the type {kind}, and is not text.')


def _text_cells(batches: Iterable[Any], columns: Columns) -> Iterator[Cells]:
    """The cells of Arrow's record batches, row by row; None for null."""
    import pyarrow

    for batch in batches:
        table = _flatten(pyarrow.Table.from_batches([batch])).select([*columns])
        table.validate(full=True)
        yield from zip(*(column.to_pylist() for column in table.columns), strict=True)


def _flatten(table: Any) -> Any:
    """The table with the fields of nested columns as columns, under dotted names."""
    import pyarrow

    while any(pyarrow.types.is_struct(kind) for kind in table.schema.types):
        table = table.flatten()
    return table


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    tests = (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
    return any(test(kind) for test in tests)


def _stream(path: Path) -> Any:
    import pyarrow

    if path.suffix.lower() in COMPRESSED:
        return pyarrow.BufferReader(read_bytes(path))
    return pyarrow.memory_map(str(path))


def _named_errors(path: Path, rows: Iterator[Cells]) -> Iterator[Cells]:
    with _arrow_errors(path):
        yield from rows


@contextmanager
def _arrow_errors(path: Path) -> Iterator[None]:
    """A context that names the file that `pyarrow` cannot read."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        raise DataError(f"{path} cannot be read: {reason}.") from None
