"""Plain text: one row a line, or two parallel files, aligned line by line.

Lines are those of `seqlstm.runtime.text_input`, as everywhere.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
    return decode_text(_bytes(path), str(path))


def suffix_of(path: Path) -> str:
    """The suffix of a file without that of its compression: ".jsonl" for "train.jsonl.gz"."""
    return Path(path.stem).suffix if path.suffix in COMPRESSED else path.suffix


def _bytes(path: Path) -> bytes:
    opener = COMPRESSED.get(path.suffix)
    try:
        if opener is None:
            return path.read_bytes()
        with opener(path, "rb") as file:
            return bytes(file.read())
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from None


def _pairs(files: Sequence[Path], pair: tuple[str, str]) -> list[tuple[str, str]]:
    if len(files) != 2:
        listed = ", ".join(map(str, files))
        raise DataError(
            f"Pairs ({pair[0]}, {pair[1]}) of plain text need two files a split, not: {listed}.",
            hint=f'Right would be: source = {{ train = ["train.{pair[0]}", "train.{pair[1]}"] }}',
        )
    first, second = (lines(file) for file in files)
    if len(first) != len(second):
        raise DataError(
            f"{files[0]} has {len(first):,} lines, {files[1]} has {len(second):,}.",
            hint="Line by line, one must be the translation of the other.",
        )
    return list(zip(first, second, strict=True))
