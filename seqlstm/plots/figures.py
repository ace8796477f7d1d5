"""Creating and saving of matplotlib figures, without pyplot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seqlstm.errors import ArgumentError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def empty_figure(width: float, height: float) -> Figure:
    """A figure of a size in inches, without pyplot's windows and global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figures: list[Figure], file: Path) -> None:
    """Write one figure, or several as the pages of a PDF."""
    from matplotlib.backends.backend_pdf import PdfPages

    if file.suffix.lower() != ".pdf":
        (figure,) = figures
        figure.savefig(file, dpi=120)
        return
    with PdfPages(file) as pages:
        for figure in figures:
            pages.savefig(figure)


@contextmanager
def drawing_errors(file: Path) -> Iterator[None]:
    """Turn errors of matplotlib and of the file system into an `ArgumentError`."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise ArgumentError(f"{file} cannot be drawn: {error}") from error
