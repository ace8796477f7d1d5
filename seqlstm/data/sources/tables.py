"""Columns of text from Parquet, Arrow, JSON, CSV or TSV files, local or on the Hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import filterfalse
from pathlib import Path
from typing import Any

from seqlstm.data.sources import hub
from seqlstm.data.sources.cells import Columns, Table, complete_rows
from seqlstm.data.sources.columnar import read_arrow, read_data_set, read_parquet
from seqlstm.data.sources.delimited import read_delimited
from seqlstm.data.sources.errors import translate_errors
from seqlstm.data.sources.file_names import describes_data, order_sides, refuse_sides
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
            self._compare_header(headers, table, name, split)
            rows += complete_rows(table, self.columns, name=name)
            self.notes.extend(table.notes)
        if False in headers:
            self._refuse_headers_of_others(headers, split)
        return rows

    def _refuse_headers_of_others(self, headers: dict[bool, str], split: str) -> None:
        """Raise a DataError if the first file of another split has a header, and so a direction."""
        for other, parts in self.parts.items():
            for name, read in parts[:1] if other != split else ():
                try:
                    table = read(self.columns)
                except DataError:
                    continue  # it is refused where this split is read
                self._compare_header(headers, table, f"{name} ({other})", split)

    def _compare_header(
        self, headers: dict[bool, str], table: Table, name: str, split: str
    ) -> None:
        """Keep the first file with a header and the first one without; refuse if there are both."""
        if table.has_header is not None:
            headers.setdefault(table.has_header, name)
        if len(headers) == 2:
            raise DataError(
                f"{self.name} ({split}): {headers[True]} has a header and {headers[False]} has "
                "none.",
                hint="Give all files a header, or none of them.",
            )


def format_of(path: Path) -> str | None:
    """The file's suffix in `FORMATS`, without that of a compression; None for plain text."""
    suffix = suffix_of(path)
    return suffix if suffix in FORMATS else None


def open_files(
    files: Mapping[str, Sequence[Path]], *, name: str, columns: Columns, notes: Sequence[str] = ()
) -> Tables:
    """Open local files by split, each in the format of its suffix.

    Args:
        files: of each split.
        name: of the source, for messages.
        columns: the column of texts, or the two columns of pairs.
        notes: what was decided before; lines to print.

    Raises:
        DataError: some are tables and some plain text.
    """
    paths = [file for split in files.values() for file in split]
    if None in map(format_of, paths):
        raise DataError(f"{name}: tables and plain text: {', '.join(map(str, paths))}.")
    parts = {split: [_part(path) for path in listed] for split, listed in files.items()}
    return Tables(name, parts, columns, [*notes])


def open_folder(
    folder: Path, *, name: str | None, text: str | None, pair: tuple[str, str] | None
) -> Tables | PlainFiles:
    """Open a folder of archives, or a README's configuration of this name, by `datasets`.

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
        return _open_listing(data_set, name, columns)
    parts: dict[str, list[Part]] = {}
    for split, rows in data_set.items():
        label = f"{name} ({split})"
        parts[str(split)] = [(label, partial(read_data_set, rows, name=label))]
    return Tables(name, parts, columns)


def _open_listing(listing: hub.FileListing, name: str, columns: Columns) -> Tables | PlainFiles:
    """Open the files that `datasets` found, but for those that describe the data."""
    listed = {split: [*map(Path, paths)] for split, paths in listing.files.items()}
    kept = {split: [*filterfalse(describes_data, paths)] for split, paths in listed.items()}
    files = {split: paths for split, paths in kept.items() if paths}
    unread = [path.name for paths in listed.values() for path in filter(describes_data, paths)]
    notes = [f"{name}: not read: {', '.join(unread)}"] if unread else []
    if listing.kind == "text":
        return _open_text(files, name, columns, notes)
    read = partial(READERS[listing.kind], **listing.options)
    parts = {
        split: [(path.name, partial(read, path)) for path in paths]
        for split, paths in files.items()
    }
    return Tables(name, parts, columns, notes)


def _open_text(
    files: Mapping[str, Sequence[Path]], name: str, columns: Columns, notes: list[str]
) -> PlainFiles:
    """Open plain text that `datasets` found; it lists the files of a split by their names."""
    if len(columns) == 1:
        refuse_sides(files, name)
        return PlainFiles(name, files, columns[0], None, notes)
    pair = columns[0], columns[1]
    ordered = order_sides(files, pair, notes, order_given=False)
    return PlainFiles(name, ordered, None, pair, notes)


def _part(path: Path) -> Part:
    """A file that is read in the format of its suffix."""
    kind, options = FORMATS[format_of(path) or ""]
    return path.name, partial(READERS[kind], path, **options)
