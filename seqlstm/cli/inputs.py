"""Lines from a file, a pipe or a terminal."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import TypeVar, cast

from rich.text import Text

from seqlstm.cli.console import err
from seqlstm.errors import DataError
from seqlstm.runtime.text_input import (
    LineSplitter,
    as_in_file,
    decode_line,
    decode_text,
    read_lines,
)

Item = TypeVar("Item")
PIPE_BYTES = 2**16  # capacity of a pipe


def lines_of(file: Path | None, *, errors: str = "strict") -> Iterator[str]:
    """The lines of a file or of standard input, without line ends, one after the other.

    Args:
        file: None for standard input.
        errors: what becomes of bytes that are not UTF-8: "strict" or "replace" (U+FFFD).

    Raises:
        DataError: the file cannot be read, or a line is not UTF-8; the message has its number.
    """
    with open_input(file) as (name, stream):
        yield from read_lines(stream, name, errors=errors)


def text_of(file: Path | None) -> str:
    """The whole text of a file or of standard input, without the end of its last line.

    Raises:
        DataError: the file cannot be read, or is not UTF-8; the message has the line number.
    """
    with open_input(file) as (name, stream):
        return decode_text(stream.read(), name).removesuffix("\n")


@contextmanager
def open_input(file: Path | None) -> Iterator[tuple[str, BufferedReader]]:
    """The name for messages and the binary stream of a file or of standard input.

    Raises:
        DataError: it cannot be opened or read, or it is an endless device.
    """
    name = str(file) if file else "standard input"
    try:
        with file.open("rb") if file else cast(BufferedReader, sys.stdin.buffer) as stream:
            if file and is_endless(stream):
                raise DataError(f"{name} is a device, not a text")
            yield name, stream
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}") from error


def is_endless(stream: BufferedReader) -> bool:
    """Whether a stream is a device such as /dev/zero, but neither a terminal nor /dev/null."""
    status = os.fstat(stream.fileno())
    is_null = status.st_rdev == os.stat(os.devnull).st_rdev
    return stat.S_ISCHR(status.st_mode) and not (is_null or stream.isatty())


def line_groups(
    file: Path | None, *, from_file: int, from_pipe: int, errors: str = "strict"
) -> Iterator[list[str]]:
    """The lines in groups of `from_file`; from a pipe, those that it has, at most `from_pipe`.

    Raises:
        DataError: as `lines_of`, after all lines before the wrong one.
    """
    if file and os.path.isfile(file):
        return in_groups(lines_of(file, errors=errors), from_file)
    return available_lines(from_pipe, file, errors=errors)


def available_lines(
    size: int, file: Path | None = None, *, errors: str = "strict"
) -> Iterator[list[str]]:
    """Groups of the lines that a pipe or standard input has now, at most `size` in a group.

    No line waits for the next: a program that writes one line can read its result at once.

    Raises:
        DataError: as `lines_of`, after all lines before the wrong one.
    """
    splitter, number = LineSplitter(), 0  # complete lines so far
    with open_input(file) as (name, stream):

        def decoded(lines: list[bytes]) -> Iterator[str]:
            for offset, line in enumerate(lines, 1):
                yield decode_line(line, name, number + offset, errors=errors)

        while chunk := stream.read1(PIPE_BYTES):
            lines = splitter.push(chunk)
            yield from in_groups(decoded(lines), size)
            number += len(lines)
        yield from in_groups(decoded(splitter.rest()), size)


def in_groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in groups of `size`. Those before an error of `items` come before the error."""
    group: list[Item] = []
    try:
        for item in items:
            group.append(item)
            if len(group) == size:
                yield group
                group = []
    except DataError:
        if group:
            yield group
        raise
    if group:
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
            yield from as_in_file(read_line()).split("\n")
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
