"""Creating and saving of matplotlib figures, without pyplot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from seqlstm.errors import ArgumentError, FileError
from seqlstm.runtime.files import write_atomically

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
    """Write one figure, or several as the pages of a PDF, atomically."""
    from matplotlib.backends.backend_pdf import PdfPages

    drawing = BytesIO()
    if file.suffix.lower() == ".pdf":
        with PdfPages(drawing) as pages:
            for figure in figures:
                pages.savefig(figure)
    else:
        (figure,) = figures
        figure.savefig(drawing, format=file.suffix.removeprefix(".") or None, dpi=120)
    write_atomically(file, drawing.getbuffer())


@contextmanager
def drawing_errors(file: Path) -> Iterator[None]:
    """Turn errors of matplotlib and of the file system into an `ArgumentError`."""
    try:
        yield
    except FileError as error:
        message = f"{file} cannot be drawn: {error.message}"
        raise ArgumentError(message, hint=error.hint) from error
    except (ValueError, OSError, OverflowError) as error:
        raise ArgumentError(f"{file} cannot be drawn: {error}") from error
