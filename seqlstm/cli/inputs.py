"""Lines from a file, a pipe or a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from seqlstm.cli.console import err
from seqlstm.errors import DataError

PIPE = 2**16  # bytes that a pipe holds


def lines_of(file: Path | None) -> Iterator[str]:
    """The lines of a file, or of standard input, without their ends, as they come.

    Raises:
        DataError: the file cannot be read, or a line is not UTF-8; names the line.
    """
    name, stream = opened(file)
    with stream:
        for number, line in enumerate(stream, 1):
            yield decoded(line.removesuffix(b"\n"), name, number)


def text_of(file: Path | None) -> str:
    """The text of a file, or of standard input, as it is but for the end of its last line.

    Raises:
        DataError: the file cannot be read, or is not UTF-8; names the line.
    """
    name, stream = opened(file)
    with stream:
        content = stream.read()
    try:
        return content.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{name}, line {line} is not UTF-8") from None


def opened(file: Path | None) -> tuple[str, BinaryIO]:
    """What messages call a file, or standard input, and its bytes."""
    name = str(file) if file else "standard input"
    try:
        return name, file.open("rb") if file else sys.stdin.buffer
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}") from error


def lines_at_hand(size: int) -> Iterator[list[str]]:
    """The lines of standard input that are there already, at most `size` at a time.

    None waits for another: whoever writes one line and then listens gets an answer.

    Raises:
        DataError: a line is not UTF-8; names the line.
    """
    rest, number = b"", 0
    with cast(BufferedReader, sys.stdin.buffer) as stream:
        while chunk := stream.read1(PIPE):
            *lines, rest = (rest + chunk).split(b"\n")
            for start in range(0, len(lines), size):
                yield [
                    decoded(line, "standard input", number + place)
                    for place, line in enumerate(lines[start : start + size], start + 1)
                ]
            number += len(lines)
    if rest:
        yield [decoded(rest, "standard input", number + 1)]


def decoded(line: bytes, name: str, number: int) -> str:
    try:
        return line.decode("utf-8").removesuffix("\r")
    except UnicodeDecodeError:
        raise DataError(f"{name}, line {number} is not UTF-8") from None


def in_groups(lines: Iterator[str], size: int) -> Iterator[list[str]]:
    """The lines, `size` at a time."""
    while group := list(islice(lines, size)):
        yield group


def on_terminal() -> bool:
    """Whether somebody sits at both ends."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def prompts(label: str, *, commands: Sequence[str] = ()) -> Iterator[str]:
    """What somebody types, until Ctrl-D. Ctrl-C gives up a line.

    On a terminal earlier lines come back with the arrow keys, and Tab completes `commands`.
    """
    ask = editor(label, commands) if sys.stdin.isatty() else partial(plain, label)
    while True:
        try:
            yield ask()
        except EOFError:
            err.print()
            return
        except KeyboardInterrupt:
            err.print()


def plain(label: str) -> str:
    return err.input(f"[bold cyan]{label}[/bold cyan] ")


def editor(label: str, commands: Sequence[str]) -> Callable[[], str]:
    """Asks for lines that can be edited, where there is readline."""
    try:
        import readline
    except ImportError:  # on Windows the console itself edits lines
        return partial(plain, label)

    def complete(begun: str, number: int) -> str | None:
        names = [f"/{name} " for name in commands if f"/{name}".startswith(begun)]
        return names[number] if begun and number < len(names) else None

    readline.set_completer(complete)
    readline.set_completer_delims("")  # a line is one word: commands begin it
    readline.parse_and_bind("tab: complete")
    # readline counts columns: what has none stands between \x01 and \x02.
    coloured = f"\x01\x1b[1;36m\x02{label}\x01\x1b[0m\x02 " if err.color_system else f"{label} "
    return partial(input, coloured)
