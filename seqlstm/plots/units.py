"""Figures of units along a text: a heat map of a short text, the coloured text of a long one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlstm.analysis.text_properties import PROPERTIES
from seqlstm.errors import ArgumentError
from seqlstm.plots.figures import drawing_errors, empty_figure, save
from seqlstm.plots.shades import FULL, Strip, shade

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_HEAT_MAP = 200  # pieces
MAX_CHARACTERS = 4000  # in a picture
ROW, CHARACTER, PIECE = 0.2, 0.13, 0.2  # inches: a row, and a column, of a heat map
LETTER, LINE = 0.085, 0.19  # inches: a letter and a line of a coloured text
COLUMNS = {CHARACTER: 90, PIECE: 60, LETTER: 100}  # before a line break
EDGE, BELOW, TITLE, LABELS = 0.2, 0.5, 0.4, 1.9  # inches around the axes
MIN_WIDTH = 7.0  # inches, for the legend
LETTERS: dict[str, Any] = {"family": "monospace", "fontsize": 8, "parse_math": False}
CENTRED: dict[str, Any] = {"ha": "center", "va": "center_baseline"}
WHITE: tuple[float, ...] = (1.0, 1.0, 1.0)
SIGNS = {"\n": "↵", "\r": "␍", "\t": "→", " ": "␣"}


def plot_units(strips: Sequence[Strip], parts: Sequence[str], file: Path) -> None:
    """Draw units along a text: up to 200 pieces as a heat map, else as coloured text.

    Args:
        strips: the rows: each property, then the units that follow it.
        parts: the characters of each piece.
        file: .png, .svg or .pdf.

    Raises:
        ArgumentError: there is no row, the text has more than 4,000 characters, or matplotlib
            cannot write such a file.
    """
    characters = sum(map(len, parts))
    if not strips:
        raise ArgumentError("there is nothing to draw: no unit follows the properties")
    if characters > MAX_CHARACTERS:
        raise ArgumentError(
            f"--plot draws at most {MAX_CHARACTERS:,} characters, and the text has {characters:,}"
        )
    draw = heat_map if len(parts) <= MAX_HEAT_MAP else coloured_text
    with drawing_errors(file):
        save([draw(strips, parts)], file)


def heat_map(strips: Sequence[Strip], parts: Sequence[str]) -> Figure:
    """A heat map with a row for each strip and a column for each piece, in several lines."""
    names = [signs(part) for part in parts]
    longest = max(map(len, names))
    column = PIECE if longest > 1 else CHARACTER
    lines = math.ceil(len(names) / COLUMNS[column])
    per_line = math.ceil(len(names) / lines)  # lines of about the same length
    above = TITLE + (0.08 * longest if longest > 1 else 0)  # names of pieces are vertical
    height = ROW * len(strips)
    sheet = Sheet(LABELS + column * per_line + EDGE, BELOW + lines * (above + height))
    shades = [colours(strip) for strip in strips]
    for line in range(lines):
        shown = slice(line * per_line, (line + 1) * per_line)
        width = column * len(names[shown])
        axis = sheet.axes(LABELS, line * (above + height) + above, width, height)
        axis.imshow([shade[shown] for shade in shades], aspect="auto")
        axis.xaxis.tick_top()
        rotation = 90 if longest > 1 else 0
        axis.set_xticks(range(len(names[shown])), names[shown], rotation=rotation, **LETTERS)
        axis.set_yticks(range(len(strips)), [strip.label for strip in strips], **LETTERS)
        axis.tick_params(length=0)
        for row, strip in enumerate(strips):
            if strip.follower is None:
                axis.axhline(row - 0.5, color="white", linewidth=3)
    return sheet.figure


def coloured_text(strips: Sequence[Strip], parts: Sequence[str]) -> Figure:
    """The text once for each unit, with each character on the colour of its piece."""
    places = character_grid(parts, COLUMNS[LETTER])
    rows, columns = places[-1][0] + 1, max(place[1] for place in places) + 1
    units = [strip for strip in strips if strip.follower is not None]
    width, height = LETTER * columns, LINE * rows
    sheet = Sheet(width + 2 * EDGE, BELOW + len(units) * (TITLE + height))
    for number, strip in enumerate(units):
        axis = sheet.axes(EDGE, number * (TITLE + height) + TITLE, width, height)
        grid = [[WHITE] * columns for _ in range(rows)]
        shades = colours(strip)
        for row, column, character, piece in places:
            grid[row][column] = shades[piece]
            if not character.isspace() or character == "\n":
                axis.text(column, row, SIGNS.get(character, character), **LETTERS, **CENTRED)
        axis.imshow(grid, aspect="auto")
        axis.set_axis_off()
        meaning = PROPERTIES[strip.name].meaning
        axis.set_title(f"{meaning}:  {strip.label}", loc="left", fontsize=9)
    return sheet.figure


def colours(strip: Strip) -> list[tuple[float, ...]]:
    """Red, green and blue, from 0 to 1, of each piece; a property is grey, dark at its maximum."""
    if strip.follower is not None:
        return [tuple(part / 255 for part in shade(value)) for value in strip.values]
    maximum = max(strip.values) or 1.0
    return [(1 - 0.8 * value / maximum,) * 3 for value in strip.values]


def character_grid(parts: Sequence[str], columns: int) -> list[tuple[int, int, str, int]]:
    """Row, column, character and index of the piece, of every character."""
    places: list[tuple[int, int, str, int]] = []
    row = column = 0
    for piece, part in enumerate(parts):
        for character in part:
            if column == columns:
                row, column = row + 1, 0
            places.append((row, column, character, piece))
            row, column = (row + 1, 0) if character == "\n" else (row, column + 1)
    return places


def signs(part: str) -> str:
    """A piece with a visible sign for each white-space character."""
    return "".join(SIGNS.get(character, character) for character in part)


class Sheet:
    """A figure with axes at positions in inches, and a legend in the last line.

    Args:
        width, height: in inches; the legend needs at least 7 inches of width.
    """

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = max(width, MIN_WIDTH), height
        self.figure = empty_figure(self.width, height)
        self.figure.set_layout_engine("none")
        meaning = (
            "blue: below the unit's mean in this text; red: above it, "
            f"full at {FULL:g} deviations; number: correlation with the property"
        )
        self.figure.text(EDGE / self.width, EDGE / height, meaning, fontsize=7, color="dimgrey")

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """New axes; `left` and `top` are distances from the upper left corner in inches."""
        bottom = self.height - top - height
        return self.figure.add_axes(
            (
                left / self.width,
                bottom / self.height,
                width / self.width,
                height / self.height,
            )
        )
