"""Files that commands write: checked before the work begins, and never replaced without consent."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryFile

from seqlstm.cli.console import confirm
from seqlstm.errors import ArgumentError

OVERWRITE_HINT = "Name another file, or use --overwrite."


def prepare_output(
    file: Path, *, overwrite: bool, stream: bool = False, hint: str = OVERWRITE_HINT
) -> None:
    """Make sure that a file can be written, before minutes of work.

    On a terminal the command asks before it replaces a file.

    Args:
        file: to write; its folder must exist.
        overwrite: whether to replace an existing file without a question.
        stream: whether a pipe or a device serves too.
        hint: what to do about a file that is to stay.

    Raises:
        ArgumentError: the file exists and is to stay, is not a regular file, or cannot be written.
    """
    try:
        existed = is_existing(file)
        if existed and not file.is_file():
            if stream and not file.is_dir():
                return
            kind = "a folder" if file.is_dir() else "not a regular file"
            raise ArgumentError(f"{file} is {kind}", hint="Name a file.")
        if existed:
            with file.open("ab"):
                pass
        else:  # another file in its folder: a second command may be writing this one
            TemporaryFile(dir=file.resolve().parent).close()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise ArgumentError(f"{file} cannot be written: {reason}") from error
    if existed and not overwrite:
        ask_to_replace(file, hint)


def is_existing(file: Path) -> bool:
    """Whether there is a file at this path.

    Raises:
        OSError: its name is too long, or its folder may not be read.
    """
    try:
        file.stat()
    except FileNotFoundError:
        return False
    return True


def refuse_overwrite(overwrite: bool, file: Path | None, *, option: str) -> None:
    """Make sure that --overwrite has a file to replace, that of an option.

    Raises:
        ArgumentError: there is no file.
    """
    if overwrite and not file:
        raise ArgumentError(f"--overwrite cannot take effect without {option}")


def write_output(file: Path, contents: str | bytes) -> None:
    """Write a file that `prepare_output` has checked, whole or not at all; text as UTF-8.

    Raises:
        FileError: the disk is full, or the reader of a pipe has gone.
        ArgumentError: a text cannot be encoded: it has the name of a file that is not UTF-8.
    """
    from seqlstm.runtime.files import write_atomically  # late: it imports torch

    try:
        data = contents.encode() if isinstance(contents, str) else contents
    except UnicodeEncodeError as error:
        raise ArgumentError(
            f"{file} cannot be written: a path in it is not UTF-8",
            hint="Rename the file or folder.",
        ) from error
    write_atomically(file, data)


def ask_to_replace(file: Path, hint: str) -> None:
    """Ask a person whether a file may be replaced.

    Raises:
        ArgumentError: it may not, or there is no terminal to ask on.
    """
    on_terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
    if not (on_terminal and confirm(f"{file} exists. Replace it?")):
        raise ArgumentError(f"{file} exists", hint=hint)
