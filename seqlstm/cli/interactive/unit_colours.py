"""Activations of a unit along a text as colours: blue below its mean, red above."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from seqlstm.cli.visible import visible
from seqlstm.plots.shades import shade


def coloured(parts: Sequence[str], values: Sequence[float]) -> Text:
    """A text for a terminal, coloured by a unit's values; a line end is shown as ↵."""
    text = Text()
    for part, value in zip(parts, values, strict=True):
        colour = "#{:02x}{:02x}{:02x}".format(*shade(value))
        for index, line in enumerate(visible(part).split("\n")):
            if index:
                text.append("↵", f"#888888 on {colour}").append("\n")
            text.append(line, f"#000000 on {colour}")
    return text
