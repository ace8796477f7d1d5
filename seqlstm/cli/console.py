"""The consoles: results go to standard output, everything else to standard error."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from seqlstm.errors import UserError
from seqlstm.runtime.torch_warnings import ignore_cudnn_weight_copies


class Output(Console):
    """A console that ends the command quietly when a reader such as `head` closes the pipe."""

    def on_broken_pipe(self) -> None:
        end_quietly()


def end_quietly() -> None:
    """End the command with exit code 0 and no message, after the reader closed the pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(0)


out = Output(highlight=False, soft_wrap=True)
err = Output(stderr=True, highlight=False)


def show_error(error: UserError) -> None:
    """Print an error: a panel on a terminal, plain lines in a pipe."""
    if not err.is_terminal:
        err.print(f"{error.title} error: {error}", markup=False, soft_wrap=True)
        return
    text = escape(error.message)
    if error.hint:
        text += f"\n[dim]{escape(error.hint)}[/dim]"
    err.print(Panel(text, title=f"{error.title} error", border_style="red", title_align="left"))


def note(message: str) -> None:
    """Print information that a person may want to know."""
    err.print(escape(message), style="dim", soft_wrap=True)


def warn(message: str) -> None:
    """Print a warning that a person should read."""
    err.print(f"[yellow]warning:[/yellow] {escape(message)}", soft_wrap=True)


def confirm(question: str) -> bool:
    """Whether a person answers a question with yes; an empty line or Ctrl-D is no."""
    err.print(f"{escape(question)} \\[y/N] ", end="", soft_wrap=True)
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        return False


def write(text: str, *, end: str = "\n") -> None:
    """Write a result unchanged: no markup, no wrapping, no colour."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


@contextmanager
def shown_warnings() -> Iterator[None]:
    """Show Python's warnings as lines of this command line."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        warn(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        ignore_cudnn_weight_copies()
        warnings.showwarning = show
        yield


def table(*columns: str, title: str | None = None) -> Table:
    """An empty table in the style of all commands."""
    empty = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        empty.add_column(column, overflow="fold")
    return empty
