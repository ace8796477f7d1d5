"""Standard input, output and error of the process: what happens when one is closed or full.

Messages that cannot be written are dropped: no work ends because its messages have no reader.
Results that cannot be written end the command: quietly if the reader has closed the pipe (`head`),
else with an error.
"""

from __future__ import annotations

import os
import sys
from io import BufferedReader, BufferedWriter, FileIO, TextIOWrapper
from typing import TYPE_CHECKING, TextIO

from seqlstm.errors import FileError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDIN, STDOUT, STDERR = range(3)


class ClosedPipeError(Exception):
    """The reader of standard output, such as `head`, has closed the pipe.

    It is no `OSError`, which libraries would handle in their own way.
    """


class ResultStream(FileIO):
    """Standard output; a full disk or a closed stream is a `FileError`."""

    def write(self, data: ReadableBuffer, /) -> int | None:  # type: ignore[override]
        try:
            return super().write(data)
        except BrokenPipeError:
            raise ClosedPipeError from None
        except OSError as error:
            raise FileError(f"standard output cannot be written: {error.strerror}") from None


class MessageStream(FileIO):
    """Standard error; what cannot be written is dropped."""

    def write(self, data: ReadableBuffer, /) -> int | None:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def prepare_standard_streams() -> None:
    """Make all text UTF-8, whatever the locale, and writing safe."""
    if sys.platform == "win32":  # its consoles take no bytes of UTF-8
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            stream.reconfigure(encoding="utf-8")
        return
    occupy_closed_descriptors()
    # A typed byte that is not UTF-8 becomes a lone surrogate, which the tokenizer reports.
    sys.stdin = sys.stdin or TextIOWrapper(BufferedReader(FileIO(STDIN, "rb", closefd=False)))
    sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    sys.stdout = text_stream(ResultStream(STDOUT, "wb", closefd=False))
    sys.stderr = text_stream(MessageStream(STDERR, "wb", closefd=False))


def text_stream(raw: FileIO) -> TextIOWrapper:
    """A stream of text that writes complete lines at once."""
    return TextIOWrapper(
        BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True
    )


def occupy_closed_descriptors() -> None:
    """Open the null device in place of closed streams, or the next file would take their numbers.

    It is opened so that reading from a closed input and writing to a closed output still fail.
    """
    for descriptor in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if descriptor == STDIN else os.O_RDONLY)


def discard(stream: TextIO) -> None:
    """Discard all that is written to a stream from now on, also at the end of the process."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
