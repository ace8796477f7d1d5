"""Lines from a file, a pipe or a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from rich.text import Text

from seqlstm.cli.console import err
from seqlstm.errors import DataError
from seqlstm.runtime.text_input import LineSplitter, decode_line, decode_text, read_lines

PIPE_BYTES = 2**16  # capacity of a pipe


def lines_of(file: Path | None) -> Iterator[str]:
    """The lines of a file or of standard input, without line ends, one after the other.

    Raises:
        DataError: the file cannot be read, or a line is not UTF-8; the message has its number.
    """
    name, stream = open_input(file)
    with stream:
        yield from read_lines(stream, name)


def text_of(file: Path | None) -> str:
    """The whole text of a file or of standard input, without the end of its last line.

    Raises:
        DataError: the file cannot be read, or is not UTF-8; the message has the line number.
    """
    name, stream = open_input(file)
    with stream:
        return decode_text(stream.read(), name).removesuffix("\n")


def open_input(file: Path | None) -> tuple[str, BinaryIO]:
    """The name for messages and the binary stream of a file or of standard input."""
    name = str(file) if file else "standard input"
    try:
        return name, file.open("rb") if file else sys.stdin.buffer
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}") from error


def available_lines(size: int) -> Iterator[list[str]]:
    """Groups of the lines that standard input has now, at most `size` in a group.

    No line waits for the next: a program that writes one line can read its result at once.

    Raises:
        DataError: a line is not UTF-8; the message has its number.
    """
    splitter, name, number = LineSplitter(), "standard input", 0  # complete lines so far
    with cast(BufferedReader, sys.stdin.buffer) as stream:
        while chunk := stream.read1(PIPE_BYTES):
            lines = splitter.push(chunk)
            for start in range(0, len(lines), size):
                yield [
                    decode_line(line, name, number + offset)
                    for offset, line in enumerate(lines[start : start + size], start + 1)
                ]
            number += len(lines)
    for line in splitter.rest():
        yield [decode_line(line, name, number + 1)]


def in_groups(lines: Iterator[str], size: int) -> Iterator[list[str]]:
    """The lines in groups of `size`."""
    while group := list(islice(lines, size)):
        yield group


def on_terminal() -> bool:
    """Whether standard input and output are both a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def prompts(label: str, *, commands: Sequence[str] = ()) -> Iterator[str]:
    """The lines that a person types, until Ctrl-D. Ctrl-C discards the current line.

    On a terminal the arrow keys recall earlier lines, and Tab completes `commands`.
    """
    read_line = line_editor(label, commands) if sys.stdin.isatty() else partial(plain, label)
    while True:
        try:
            yield read_line()
        except EOFError:
            err.print()
            return
        except KeyboardInterrupt:
            err.print()


def plain(label: str) -> str:
    """A line without editing."""
    return err.input(Text(f"{label} ", style="bold cyan"))


def line_editor(label: str, commands: Sequence[str]) -> Callable[[], str]:
    """A function that reads a line with editing, where Python has readline."""
    try:
        import readline
    except ImportError:  # on Windows the console itself edits lines
        return partial(plain, label)

    def complete(prefix: str, number: int) -> str | None:
        names = [f"/{name} " for name in commands if f"/{name}".startswith(prefix)]
        return names[number] if prefix and number < len(names) else None

    readline.set_completer(complete)
    readline.set_completer_delims(
        ""
    )  # the whole line is one word, so that only a command at its start completes
    readline.parse_and_bind("tab: complete")
    # \x01 and \x02 enclose characters without a width, which readline must not count.
    coloured = f"\x01\x1b[1;36m\x02{label}\x01\x1b[0m\x02 " if err.color_system else f"{label} "
    return partial(input, coloured)
