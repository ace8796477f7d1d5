"""Lines from a file, a pipe or a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from seqlstm.cli.console import err
from seqlstm.errors import DataError


def lines_of(file: Path | None) -> Iterator[str]:
    """The lines of a file, or of standard input, without their ends, as they come.

    Raises:
        DataError: the file cannot be read, or a line is not UTF-8; names the line.
    """
    name = str(file) if file else "standard input"
    try:
        stream = file.open("rb") if file else sys.stdin.buffer
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}") from error
    with stream:
        for number, line in enumerate(stream, 1):
            try:
                yield line.decode("utf-8").removesuffix("\n").removesuffix("\r")
            except UnicodeDecodeError:
                raise DataError(f"{name}, line {number} is not UTF-8") from None


def in_groups(lines: Iterator[str], size: int) -> Iterator[list[str]]:
    """The lines, `size` at a time."""
    while group := list(islice(lines, size)):
        yield group


def on_terminal() -> bool:
    """Whether somebody sits at both ends."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def prompts(label: str) -> Iterator[str]:
    """What somebody types, until Ctrl-D or Ctrl-C."""
    while True:
        try:
            yield err.input(f"[bold cyan]{label}[/bold cyan] ")
        except (EOFError, KeyboardInterrupt):
            err.print()
            return
