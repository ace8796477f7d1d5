"""The consoles: results go to standard output, everything else to standard error."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.panel import Panel
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from seqlstm.cli.standard_streams import ClosedPipeError, discard
from seqlstm.cli.visible import visible
from seqlstm.errors import FileError, UserError
from seqlstm.runtime.torch_warnings import ignore_cudnn_weight_copies


class PlainConsole(Console):
    """A console that prints every text as it is: no markup, and control characters visible.

    Only `Text` and styles change how something looks, so that no name, data or model output can.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        plain: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}
        return super().render_str(visible(text), **options | plain)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


out = PlainConsole(soft_wrap=True)
err = PlainConsole(stderr=True)


def show_error(error: UserError) -> None:
    """Print an error: a panel on a terminal, plain lines in a pipe."""
    title = f"{error.title} error"
    if not err.is_terminal:
        err.print(f"{title}: {error}", soft_wrap=True)
        return
    text = Text(visible(error.message))
    if error.hint:
        text.append(visible(f"\n{error.hint}"), "dim")
    err.print(Panel(text, title=Text(title), border_style="red", title_align="left"))


def note(message: str) -> None:
    """Print information that a person may want to know."""
    err.print(message, style="dim", soft_wrap=True)


def warn(message: str) -> None:
    """Print a warning that a person should read."""
    err.print(Text.assemble(("warning:", "yellow"), f" {visible(message)}"), soft_wrap=True)


def confirm(question: str) -> bool:
    """Whether a person answers a question with yes; an empty line or Ctrl-D is no."""
    err.print(f"{question} [y/N] ", end="", soft_wrap=True)
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        return False


def write(text: str, *, end: str = "\n") -> None:
    """Write a result: unchanged in a pipe; on a terminal, control characters are visible."""
    sys.stdout.write((visible(text) if sys.stdout.isatty() else text) + end)
    sys.stdout.flush()


def show_summary(*shown: RenderableType) -> None:
    """Print what follows work whose results are in files: a closed pipe does not change its end."""
    try:
        for one in shown:
            out.print(one)
    except ClosedPipeError:
        discard(sys.stdout)
    except FileError as error:
        discard(sys.stdout)
        warn(error.message)


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
