"""Heat maps of attention weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
from seqlstm.plots.figures import drawn_into, empty_figure, save

PIECE = 0.22  # inches of a heat map for each piece: its name is written in 8 points


MARGIN = 1.8  # inches beside a heat map: for names, and for what the shades mean


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
