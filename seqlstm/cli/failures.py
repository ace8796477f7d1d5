"""How a command ends when it fails: one message, and an exit code.

0 success · 1 out of memory, or a fault of seqlstm · 2 a mistake that a person can correct ·
130 Ctrl-C · 143 SIGTERM. A sweep also ends with 1 if a score is not as expected.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback

import typer

from seqlstm.cli.console import err, show_error
from seqlstm.cli.standard_streams import ClosedPipeError, discard
from seqlstm.errors import ArgumentError, FileError, UserError
from seqlstm.runtime.out_of_memory import is_out_of_memory
from seqlstm.runtime.signals import StopRequest, TerminatedError

FAULT, MISTAKE, INTERRUPTED, TERMINATED = 1, 2, 130, 143
PRINT_TRACEBACK = "SEQLSTM_TRACEBACK"


class UsageError(UserError):
    """A command line that cannot be read: an unknown option, a missing argument."""

    title = "Usage"


class OutOfMemoryError(UserError):
    """Work that does not fit into the memory of the machine or the GPU."""

    title = "Memory"


class InternalError(UserError):
    """An exception that no code expects: a fault of seqlstm."""

    title = "Internal"


def show_failure(error: BaseException) -> int:
    """Show one message for any exception that ends a command; returns the exit code."""
    if isinstance(error, ClosedPipeError):  # the reader, such as `head`, has what it wants
        discard(sys.stdout)
        return 0
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        err.print("interrupted")
        return INTERRUPTED
    if isinstance(error, TerminatedError):
        err.print("terminated")
        return TERMINATED
    if hasattr(error, "format_message"):
        return show_usage_error(error)
    shown = error if isinstance(error, UserError) else as_user_error(error)
    if isinstance(shown, FileError):
        discard_full_output()
    show_error(shown)
    return FAULT if isinstance(shown, OutOfMemoryError | InternalError) else MISTAKE


def stopped_code(stop: StopRequest) -> int:
    """The exit code of a command that a signal has asked to save and stop."""
    return INTERRUPTED if stop.signal == "SIGINT" else TERMINATED


def show_usage_error(error: BaseException) -> int:
    """Show an error of Typer, which has no public base class; without arguments, the help."""
    message, context = error.format_message(), getattr(error, "ctx", None)  # type: ignore[attr-defined]
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()  # type: ignore[attr-defined]
    else:
        command = context.command_path if context else "seqlstm"
        show_error(UsageError(message, hint=f"{command} --help lists the options."))
    return MISTAKE


def as_user_error(error: BaseException) -> UserError:
    """The message for an exception of Python or of a library."""
    if is_out_of_memory(error):
        return OutOfMemoryError(
            f"out of memory: {first_line(error)}",
            hint="Use a smaller batch or a smaller model. --resume continues a training.",
        )
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return FileError(f"{where}{error.strerror}")
    if isinstance(error, ValueError) and "null byte" in str(error):
        return ArgumentError("the name of a file contains a zero byte")
    return InternalError(
        f"{type(error).__name__}: {first_line(error)}",
        hint=f"This is a fault of seqlstm. Please report it {with_traceback(error)}.",
    )


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def with_traceback(error: BaseException) -> str:
    """Where the traceback is: in a new file, or on standard error if a variable asks for it."""
    lines = "".join(traceback.format_exception(error))
    if not os.environ.get(PRINT_TRACEBACK):
        try:
            with tempfile.NamedTemporaryFile(
                "w", prefix="seqlstm-", suffix=".txt", delete=False, encoding="utf-8"
            ) as file:
                file.write(lines)
        except OSError:
            pass
        else:
            return f"with {file.name}"
    err.print(lines, soft_wrap=True)
    return "with the traceback above"


def discard_full_output() -> None:
    """Discard the results that a full standard output still holds."""
    try:
        sys.stdout.flush()
    except FileError:
        discard(sys.stdout)
