"""Figures of units: rows, columns, colours."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.text import Text

from seqlstm.analysis.activations import Unit
from seqlstm.analysis.units import UnitCorrelation
from seqlstm.cli.interactive.unit_colours import coloured
from seqlstm.plots.shades import BLUE, RED, WHITE, Strip, shade
from seqlstm.plots.units import coloured_text, heat_map, plot_units

FOLLOWER = UnitCorrelation("line", Unit(1, "c", 7), 0.756, -0.5)


def strips(pieces: int) -> list[Strip]:
    deviations = [0.0, 2.0, -9.0, 1.0, *[0.5] * pieces][:pieces]
    return [
        Strip("line", None, [1.0, 4.0, 0.0, 2.0, *[0.0] * pieces][:pieces]),
        Strip("line", FOLLOWER, deviations),
    ]


def test_blue_is_below_the_mean_and_red_above() -> None:
    assert shade(0) == WHITE
    assert shade(2) == shade(7) == RED
    assert shade(-2) == shade(-7) == BLUE
    assert all(w > s > r for w, s, r in zip(WHITE, shade(1), RED, strict=True))


def test_a_coloured_text_is_complete() -> None:
    text = coloured(["a b", "\n[", "x]"], [0.0, -2.0, 5.0])
    assert isinstance(text, Text)
    assert text.plain == "a b↵\n[x]"
    styles = {text.plain[span.start : span.end]: str(span.style) for span in text.spans}
    assert styles["a b"].endswith("on #ffffff")
    assert styles["["].endswith("on #{:02x}{:02x}{:02x}".format(*BLUE))
    assert styles["x]"].endswith("on #{:02x}{:02x}{:02x}".format(*RED))


def test_a_heat_map_has_a_row_per_strip_and_a_column_per_piece() -> None:
    (axis,) = heat_map(strips(4), ["a", " ", "\n", "$"]).axes
    image = axis.images[0].get_array()
    assert image.shape == (2, 4, 3)
    assert [label.get_text() for label in axis.get_xticklabels()] == ["a", "␣", "↵", "$"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["line", "1:c:7  +0.76"]
    greys = [float(image[0, column, 0]) for column in range(4)]
    assert greys == pytest.approx([0.8, 0.2, 1.0, 0.6])
    assert [round(255 * float(part)) for part in image[1, 2]] == [*BLUE]


def test_a_long_heat_map_has_several_lines() -> None:
    figure = heat_map(strips(181), ["a"] * 181)
    assert [axis.images[0].get_array().shape[1] for axis in figure.axes] == [61, 61, 59]
    figure = heat_map(strips(100), ["ab"] * 100)
    assert [axis.images[0].get_array().shape[1] for axis in figure.axes] == [50, 50]


def test_a_coloured_text_has_a_cell_for_each_character() -> None:
    parts = ["ab", "\n", "c" * 150, "$"]
    (axis,) = coloured_text(strips(4), parts).axes
    assert axis.images[0].get_array().shape == (3, 100, 3)  # ab↵ · 100 · 51
    assert "".join(text.get_text() for text in axis.texts) == "ab↵" + "c" * 150 + "$"
    assert axis.get_title(loc="left") == "characters since the line began:  1:c:7  +0.76"
    image = axis.images[0].get_array()
    assert [round(255 * float(part)) for part in image[0, 2]] == [*RED]  # of the newline
    assert [round(255 * float(part)) for part in image[0, 3]] == [*WHITE]  # after the line end


def test_up_to_two_hundred_pieces_are_a_heat_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = []
    for name, draw in (("heat_map", heat_map), ("coloured_text", coloured_text)):

        def recorded(*arguments: object, name: str = name, draw: object = draw) -> object:
            kinds.append(name)
            return draw(*arguments)  # type: ignore[operator]

        monkeypatch.setattr(f"seqlstm.plots.units.{name}", recorded)
    for pieces, file in ((200, "one.svg"), (201, "two.pdf")):
        plot_units(strips(pieces), ["a"] * pieces, tmp_path / file)
        assert (tmp_path / file).stat().st_size > 1000
    assert kinds == ["heat_map", "coloured_text"]
