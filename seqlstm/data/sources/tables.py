"""Columns of text from Parquet, Arrow, JSON, CSV or TSV files, local or on the Hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from seqlstm.data.sources import hub
from seqlstm.data.sources.cells import Columns, Table, complete_rows
from seqlstm.data.sources.columnar import read_arrow, read_data_set, read_parquet
from seqlstm.data.sources.delimited import read_delimited
from seqlstm.data.sources.errors import translate_errors
from seqlstm.data.sources.json_files import read_json
from seqlstm.data.sources.plain_text import PlainFiles, suffix_of
from seqlstm.errors import DataError

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".parquet": ("parquet", {}),
    ".arrow": ("arrow", {}),
    ".json": ("json", {}),
    ".jsonl": ("json", {}),
    ".ndjson": ("json", {}),
    ".csv": ("csv", {"delimiter": ","}),
    ".tsv": ("csv", {"delimiter": "\t"}),
}
READERS: dict[str, Callable[..., Table]] = {
    "parquet": read_parquet,
    "arrow": read_arrow,
    "json": read_json,
    "csv": read_delimited,
}
Part = tuple[str, Callable[[Columns], Table]]
"""The name of a file, and the function that reads its columns."""


@dataclass(frozen=True)
class Tables:
    """The splits of an opened data set.

    Attributes:
        name: of the source, for messages.
        parts: of each split.
        columns: the column of texts, or the two columns of pairs.
        notes: what reading decided; lines to print.
        references: further columns, whose texts stand behind those of each pair.
    """

    name: str
    parts: Mapping[str, Sequence[Part]]
    columns: Columns
    notes: list[str] = field(default_factory=list)
    references: Columns = ()

    @property
    def splits(self) -> list[str]:
        """The names of the splits."""
        return list(self.parts)

    def rows(self, split: str) -> list[str] | list[tuple[str, str]]:
        """All texts or pairs of a split.

        Rows without text in a column are left out, with a note; a missing reference is empty.

        Raises:
            DataError: a file is malformed, or has no such column of text.
        """
        rows: list[Any] = []
        headers: dict[bool, str] = {}
        for name, read in self.parts[split]:
            table = read((*self.columns, *self.references))
            if table.has_header is not None:
                headers.setdefault(table.has_header, name)
            if len(headers) == 2:
                raise DataError(
                    f"{self.name} ({split}): {headers[True]} has a header and {headers[False]} has "
                    "none.",
                    hint="Give all files of a split a header, or none of them.",
                )
            rows += complete_rows(table, self.columns, name=name)
            self.notes.extend(table.notes)
        return rows


def format_of(path: Path) -> str | None:
    """The file's suffix in `FORMATS`, without that of a compression; None for plain text."""
    suffix = suffix_of(path)
    return suffix if suffix in FORMATS else None


def open_files(files: Mapping[str, Sequence[Path]], *, name: str, columns: Columns) -> Tables:
    """Open local files of one format, by split.

    Raises:
        DataError: the formats differ.
    """
    paths = [file for split in files.values() for file in split]
    suffixes = {format_of(path) for path in paths}
    if len(suffixes) != 1 or None in suffixes:
        raise DataError(f"{name}: files of different formats: {', '.join(map(str, paths))}.")
    kind, options = FORMATS[suffixes.pop() or ""]
    return Tables(name, _parts(kind, options, files), columns)


def open_folder(
    folder: Path, *, name: str | None, text: str | None, pair: tuple[str, str] | None
) -> Tables | PlainFiles:
    """Open a local folder in any layout that `datasets` knows; `name` is that of a configuration.

    Raises:
        DataError: the folder has no data.
    """
    with hub.quiet(), translate_errors(str(folder)):
        found = hub.find_in_folder(folder, name=name)
    return _open(found, str(folder), pair or (text or "text",))


def open_hub(
    identifier: str, *, name: str | None, revision: str | None, columns: Columns
) -> Tables | PlainFiles:
    """Open a data set of the Hugging Face Hub, or its cached copy if the Hub cannot be reached.

    Raises:
        DataError: the Hub cannot be reached, or has no such set, revision or configuration.
    """
    with hub.quiet(), translate_errors(f'"{identifier}"'):
        found = hub.find_on_hub(identifier, name=name, revision=revision)
    return _open(found, identifier, columns)


def _open(data_set: hub.DataSet, name: str, columns: Columns) -> Tables | PlainFiles:
    if isinstance(data_set, hub.FileListing):
        files = {split: [Path(path) for path in paths] for split, paths in data_set.files.items()}
        if data_set.kind != "text":
            return Tables(name, _parts(data_set.kind, data_set.options, files), columns)
        pair = (columns[0], columns[1]) if len(columns) == 2 else None
        return PlainFiles(name, files, None if pair else columns[0], pair)
    parts: dict[str, list[Part]] = {}
    for split, rows in data_set.items():
        label = f"{name} ({split})"
        parts[str(split)] = [(label, partial(read_data_set, rows, name=label))]
    return Tables(name, parts, columns)


def _parts(
    kind: str, options: Mapping[str, Any], files: Mapping[str, Sequence[Path]]
) -> dict[str, list[Part]]:
    read = READERS[kind]
    return {
        split: [(path.name, partial(read, path, **options)) for path in paths]
        for split, paths in files.items()
    }
