"""UTF-8 text from bytes, in the same way for data files, recipes, pipes and prompts.

"\\n", "\\r\\n" and "\\r" end a line (universal newlines), and a byte-order mark at the start is
dropped. Everything else stays as it is, the Unicode line separators included.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from seqlstm.errors import DataError
from seqlstm.runtime.file_signatures import binary_kind

CHUNK = 2**20  # bytes that are read at once
# UTF-32 first: its little-endian mark begins with that of UTF-16.
OTHER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


class LineSplitter:
    """Splits a stream of bytes into lines, in time that is linear in the number of bytes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []  # of the incomplete line
        self._after_return = False  # whether the last byte was "\r": a "\n" belongs to it

    def push(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes, without their ends."""
        if self._after_return and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_return = chunk.endswith(b"\r")
        first, *others = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._parts.append(first)
        if not others:
            return []
        lines = [b"".join(self._parts), *others[:-1]]
        self._parts = [others[-1]]
        return lines

    def rest(self) -> list[bytes]:
        """The last line, if the stream does not end with the end of a line."""
        last = b"".join(self._parts)
        return [last] if last else []


def read_lines(stream: BinaryIO, name: str, *, errors: str = "strict") -> Iterator[str]:
    """The lines of a stream, without their ends, one after the other, each as soon as it is there.

    Args:
        stream: of bytes.
        name: of the file, for messages.
        errors: what becomes of bytes that are not UTF-8: "strict" or "replace" (U+FFFD).

    Raises:
        DataError: as `decode_line`.
    """
    # `read` waits until a pipe has filled the whole chunk.
    read = getattr(stream, "read1", stream.read)
    splitter, number = LineSplitter(), 0
    while chunk := read(CHUNK):
        for line in splitter.push(chunk):
            number += 1
            yield decode_line(line, name, number, errors=errors)
    for line in splitter.rest():
        yield decode_line(line, name, number + 1, errors=errors)


def decode_line(line: bytes, name: str, number: int, *, errors: str = "strict") -> str:
    """One line as text; the first one without its byte-order mark.

    Args:
        line: without its end.
        name: of the file, for messages.
        number: of the line in the file, from 1.
        errors: as for `read_lines`.

    Raises:
        DataError: the line is not UTF-8, or the file is UTF-16 or UTF-32 by its byte-order mark.
    """
    if number == 1:
        line = without_mark(line, name)
    try:
        return line.decode("utf-8", errors)
    except UnicodeDecodeError as error:
        raise not_utf8(name, number, line[error.start]) from None


def decode_text(data: bytes, name: str) -> str:
    """The text of a whole file, with "\\n" at the ends of lines.

    Raises:
        DataError: as `decode_line`.
    """
    data = without_mark(data, name).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise not_utf8(name, number, data[error.start]) from None


def as_in_file(text: str) -> str:
    """An argument or a typed line as if it had been read from a file."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def split_lines(text: str) -> list[str]:
    """The lines of a text of `decode_text`; an empty text has none."""
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def without_mark(data: bytes, name: str) -> bytes:
    """The bytes without the byte-order mark of UTF-8.

    Raises:
        DataError: they begin with the mark of UTF-16 or UTF-32, or are those of a binary file.
    """
    for mark, encoding in OTHER_MARKS.items():
        if data.startswith(mark):
            raise DataError(
                f"{name} is {encoding}, as its byte-order mark shows, not UTF-8.",
                hint=f"Convert the file: iconv -f {encoding} -t UTF-8",
            )
    if kind := binary_kind(data):
        hint = "Save its text as a file in UTF-8; a compressed one: decompress it first."
        raise DataError(f"{name} is {kind}, not plain text.", hint=hint)
    return data.removeprefix(codecs.BOM_UTF8)


def not_utf8(name: str, number: int, byte: int) -> DataError:
    """The error for a byte that is not UTF-8."""
    return DataError(
        f"{name}, line {number}: not UTF-8 (byte 0x{byte:02x}).",
        hint="Convert the file, for example with: iconv -f LATIN1 -t UTF-8",
    )
