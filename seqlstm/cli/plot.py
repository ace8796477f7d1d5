"""Pictures: a run's curves, and where a translator looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlstm.errors import ArgumentError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curves = dict[str, dict[str, tuple[list[int], list[float]]]]

LABELS = {"step": "training", "validation": "validation"}
TRAINING = ("loss", "rate")  # what is drawn of a step's values
PIECE = 0.22  # inches of a heat map for each piece: its name is written in 8 points
MARGIN = 1.8  # inches beside a heat map: for names, and for what the shades mean


def plot_curves(log: list[dict[str, Any]], file: Path) -> None:
    """Training loss, every validation value and the learning rate over steps, a panel each.

    Raises:
        ArgumentError: a picture of a kind that matplotlib cannot draw, or nothing to draw.
    """
    curves = curves_of(log)
    if not curves:
        raise ArgumentError("the run has no curve yet: it has not logged a step")
    figure = empty_figure(7, 2.6 * len(curves))
    axes = figure.subplots(len(curves), squeeze=False)[:, 0]
    for axis, (name, lines) in zip(axes, curves.items(), strict=True):
        for label, (steps, values) in lines.items():
            alone = len(steps) == 1  # a line of one point is none
            marker = "." if label == "validation" or alone else None
            axis.plot(steps, values, label=label, marker=marker)
        axis.set(ylabel="learning rate" if name == "rate" else name.replace("_", " "))
        axis.grid(alpha=0.3)
        axis.legend()
    axes[-1].set(xlabel="step")
    with drawn_into(file):
        figure.savefig(file, dpi=120)


def curves_of(log: list[dict[str, Any]]) -> Curves:
    """By the name of the value, the curves to draw: training and validation; the rate is last."""
    curves: Curves = {}
    for line in log:
        for name, value in line.get("values", {}).items():
            if line["kind"] not in LABELS or (line["kind"] == "step" and name not in TRAINING):
                continue
            lines = curves.setdefault(name, {})
            steps, values = lines.setdefault(LABELS[line["kind"]], ([], []))
            steps.append(line["step"])
            values.append(value)
    return dict(sorted(curves.items(), key=lambda item: item[0] == "rate"))


def plot_attention(
    weights: Sequence[Any],
    *,
    source_pieces: Sequence[Sequence[str]],
    target_pieces: Sequence[Sequence[str]],
    file: Path,
) -> None:
    """Heat maps of where a translator looked: a panel for each sentence, in a PDF a page.

    Heads are averaged: what they share is what a sentence of words can be followed by.

    Args:
        weights: of each sentence (target, source) or (heads, target, source), as nested lists,
            arrays or tensors.
        source_pieces: names of its columns.
        target_pieces: names of its rows.
        file: .png, .svg or .pdf.

    Raises:
        ArgumentError: a picture of a kind that matplotlib cannot draw.
        ValueError: no sentence, or weights of another shape than the pieces.
    """
    from torch import as_tensor

    if not weights:
        raise ValueError("there must be a sentence to be drawn")
    maps = []
    for given, source, target in zip(weights, source_pieces, target_pieces, strict=True):
        one, shape = as_tensor(given).float(), (len(target), len(source))
        if one.dim() not in (2, 3) or tuple(one.shape[-2:]) != shape:
            raise ValueError(f"weights must be (…, {shape[0]}, {shape[1]}), were: {[*one.shape]}")
        maps.append((one.view(-1, *shape), source, target))
    pages = [[one] for one in maps] if file.suffix.lower() == ".pdf" else [maps]
    with drawn_into(file):
        save([attention_figure(page) for page in pages], file)


def attention_figure(maps: list[tuple[Any, Sequence[str], Sequence[str]]]) -> Figure:
    """Panels below each other, each as large as its sentence asks."""
    heights = [MARGIN + PIECE * len(target) for _, _, target in maps]
    width = MARGIN + PIECE * max(len(source) for _, source, _ in maps)
    figure = empty_figure(width, sum(heights))
    axes = figure.subplots(len(maps), squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axis, (weights, source, target) in zip(axes, maps, strict=True):
        draw_attention(axis, weights, source, target)
    return figure


def draw_attention(axis: Axes, weights: Any, source: Sequence[str], target: Sequence[str]) -> None:
    """One heat map: source pieces above it, target pieces beside it; black is all the weight."""
    image = axis.imshow(weights.mean(0).tolist(), cmap="Greys", vmin=0, vmax=1)
    names: dict[str, Any] = {"fontsize": 8, "parse_math": False}  # a piece may be a dollar sign
    axis.xaxis.tick_top()
    axis.set_xticks(range(len(source)), [*map(visible, source)], rotation=90, **names)
    axis.set_yticks(range(len(target)), [*map(visible, target)], **names)
    heads = len(weights)
    label = "weight" if heads == 1 else f"weight, mean of {heads} heads"
    axis.figure.colorbar(image, ax=axis, label=label, fraction=0.05, aspect=30)


def visible(piece: str) -> str:
    """A piece on one line."""
    return piece.replace("\n", "\\n")


def empty_figure(width: float, height: float) -> Figure:
    """Of so many inches, with nothing of pyplot's: no window, no state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figures: list[Figure], file: Path) -> None:
    """Write one figure, or the pages of a PDF."""
    from matplotlib.backends.backend_pdf import PdfPages

    if file.suffix.lower() != ".pdf":
        (figure,) = figures
        figure.savefig(file, dpi=120)
        return
    with PdfPages(file) as pages:
        for figure in figures:
            pages.savefig(figure)


@contextmanager
def drawn_into(file: Path) -> Iterator[None]:
    """Say in a person's words that a file cannot be drawn."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise ArgumentError(f"{file} cannot be drawn: {error}") from error
