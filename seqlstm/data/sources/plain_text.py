"""Plain text: one row a line, or two parallel files, aligned line by line.

Lines are those of `seqlstm.runtime.text_input`, as everywhere.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from seqlstm.errors import DataError
from seqlstm.runtime.text_input import decode_text, split_lines

COMPRESSED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


@dataclass(frozen=True)
class PlainFiles:
    """Plain-text files by split: either files of lines, or two parallel files of pairs.

    Attributes:
        name: of the source, for messages.
        files: of each split.
        text: the requested column, which must be "text"; None for the default.
        pair: the names of the two parallel files, in order; None for lines.
        notes: what reading decided; lines to print.
    """

    name: str
    files: Mapping[str, Sequence[Path]]
    text: str | None
    pair: tuple[str, str] | None
    notes: list[str] = field(default_factory=list)

    @property
    def splits(self) -> list[str]:
        """The names of the splits."""
        return list(self.files)

    def rows(self, split: str) -> list[str] | list[tuple[str, str]]:
        """All lines or pairs of a split. Raises DataError if the files cannot be read as such."""
        files = self.files[split]
        if self.pair is not None:
            return _pairs(files, self.pair)
        if self.text not in (None, "text"):
            raise DataError(
                f'{self.name} is plain text and has no column "{self.text}".',
                hint='Its only column is "text".',
            )
        return [line for file in files for line in lines(file)]


def lines(path: Path) -> list[str]:
    """The lines of a UTF-8 file, compressed or not; an empty file has none.

    Raises:
        DataError: the file cannot be read, or is not UTF-8.
    """
    return split_lines(content(path))


def content(path: Path) -> str:
    """The text of a UTF-8 file, compressed (.gz, .bz2, .xz) or not.

    Raises:
        DataError: the file cannot be read, or is not UTF-8; the message names the line.
    """
    return decode_text(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, decompressed.

    Raises:
        DataError: the file cannot be read.
    """
    with open_binary(path) as file:
        return file.read()


@contextmanager
def open_binary(path: Path) -> Iterator[BinaryIO]:
    """The stream of the bytes of a file, decompressed.

    Raises:
        DataError: the file cannot be opened or, within the context, not be read.
    """
    try:
        with COMPRESSED.get(path.suffix.lower(), open)(path, "rb") as file:
            yield file
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}.") from None


def suffix_of(path: Path) -> str:
    """The suffix of a file without that of its compression: ".jsonl" for "train.jsonl.gz"."""
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix in COMPRESSED else suffix


def _pairs(files: Sequence[Path], pair: tuple[str, str]) -> list[tuple[str, str]]:
    if len(files) != 2:
        listed = ", ".join(map(str, files))
        raise DataError(
            f"Pairs ({pair[0]}, {pair[1]}) of plain text need two files a split, not: {listed}.",
            hint=f'Right would be: source = {{ train = ["train.{pair[0]}", "train.{pair[1]}"] }}\n'
            "A file with both sides in a line, between which is a tab, needs the suffix .tsv.",
        )
    first, second = (lines(file) for file in files)
    if len(first) != len(second):
        raise DataError(
            f"{files[0]} has {len(first):,} lines, {files[1]} has {len(second):,}.",
            hint="Line by line, one must be the translation of the other.",
        )
    return list(zip(first, second, strict=True))
