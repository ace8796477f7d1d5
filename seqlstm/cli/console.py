"""What every command shows, and where: answers on standard output, all else on standard error."""

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
    """A console whose reader may have had enough, as `head` has."""

    def on_broken_pipe(self) -> None:
        end_quietly()


def end_quietly() -> None:
    """Leave as a command in a pipe does when nobody reads on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(0)


out = Output(highlight=False, soft_wrap=True)
err = Output(stderr=True, highlight=False)


def show_error(error: UserError) -> None:
    """One panel on a terminal, plain lines in a pipe."""
    if not err.is_terminal:
        err.print(f"{error.title} error: {error}", markup=False, soft_wrap=True)
        return
    text = escape(error.message)
    if error.hint:
        text += f"\n[dim]{escape(error.hint)}[/dim]"
    err.print(Panel(text, title=f"{error.title} error", border_style="red", title_align="left"))


def note(message: str) -> None:
    """Something that a person may want to know."""
    err.print(escape(message), style="dim", soft_wrap=True)


def warn(message: str) -> None:
    """Something that a person should know."""
    err.print(f"[yellow]warning:[/yellow] {escape(message)}", soft_wrap=True)


def write(text: str, *, end: str = "\n") -> None:
    """An answer, as it is: no markup, no wrapping, no colour."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


@contextmanager
def shown_warnings() -> Iterator[None]:
    """Python's warnings from inside, in this command line's words."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        warn(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        ignore_cudnn_weight_copies()
        warnings.showwarning = show
        yield


def table(*columns: str, title: str | None = None) -> Table:
    """An empty table in the style of all the others."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made
