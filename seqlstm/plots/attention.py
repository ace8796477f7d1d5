"""Heat maps of attention weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlstm.plots.figures import drawing_errors, empty_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PIECE = 0.22  # inches of a heat map for each piece, whose name has a size of 8 points
MARGIN = 1.8  # inches around a heat map, for the names and the colour bar


def plot_attention(
    weights: Sequence[Any],
    *,
    source_pieces: Sequence[Sequence[str]],
    target_pieces: Sequence[Sequence[str]],
    file: Path,
) -> None:
    """Draw heat maps of a translator's attention: a panel (in a PDF: a page) for each sentence.

    The weights of several heads are averaged.

    Args:
        weights: of each sentence, (target, source) or (heads, target, source), as nested lists,
            arrays or tensors.
        source_pieces: of each sentence, the names of the columns.
        target_pieces: of each sentence, the names of the rows.
        file: .png, .svg or .pdf.

    Raises:
        ArgumentError: matplotlib cannot write such a file.
        ValueError: there is no sentence, or the weights do not have the shape of the pieces.
    """
    from torch import as_tensor

    if not weights:
        raise ValueError("there must be a sentence to draw, were: 0")
    maps = []
    for matrix, source, target in zip(weights, source_pieces, target_pieces, strict=True):
        tensor, shape = as_tensor(matrix).float(), (len(target), len(source))
        if tensor.dim() not in (2, 3) or tuple(tensor.shape[-2:]) != shape:
            found = [*tensor.shape]
            raise ValueError(f"weights must be (…, {shape[0]}, {shape[1]}), were: {found}")
        maps.append((tensor.view(-1, *shape), source, target))  # (heads, target, source)
    pages = [[panel] for panel in maps] if file.suffix.lower() == ".pdf" else [maps]
    with drawing_errors(file):
        save([attention_figure(page) for page in pages], file)


def attention_figure(maps: list[tuple[Any, Sequence[str], Sequence[str]]]) -> Figure:
    """A figure with a panel for each sentence, whose size follows from its number of pieces."""
    heights = [MARGIN + PIECE * len(target) for _, _, target in maps]
    width = MARGIN + PIECE * max(len(source) for _, source, _ in maps)
    figure = empty_figure(width, sum(heights))
    axes = figure.subplots(len(maps), squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axis, (weights, source, target) in zip(axes, maps, strict=True):
        draw_attention(axis, weights, source, target)
    return figure


def draw_attention(axis: Axes, weights: Any, source: Sequence[str], target: Sequence[str]) -> None:
    """Draw a heat map: source pieces above, target pieces on the left; black is weight 1."""
    image = axis.imshow(weights.mean(0).tolist(), cmap="Greys", vmin=0, vmax=1)
    names: dict[str, Any] = {"fontsize": 8, "parse_math": False}  # "$" is no formula
    axis.xaxis.tick_top()
    axis.set_xticks(range(len(source)), [*map(visible, source)], rotation=90, **names)
    axis.set_yticks(range(len(target)), [*map(visible, target)], **names)
    heads = len(weights)
    label = "weight" if heads == 1 else f"weight, mean of {heads} heads"
    axis.figure.colorbar(image, ax=axis, label=label, fraction=0.05, aspect=30)


def visible(piece: str) -> str:
    """A piece with line ends written as \\n."""
    return piece.replace("\n", "\\n")
