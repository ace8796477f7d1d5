"""What a unit holds along a text, as colours: blue below its mean, red above."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from seqlstm.plots.shades import shade


def coloured(parts: Sequence[str], values: Sequence[float]) -> Text:
    """A text on the colours of a unit, for a terminal; the end of a line shows as ↵."""
    text = Text()
    for part, value in zip(parts, values, strict=True):
        colour = "#{:02x}{:02x}{:02x}".format(*shade(value))
        for number, line in enumerate(part.split("\n")):
            if number:
                text.append("↵", f"#888888 on {colour}").append("\n")
            text.append(line, f"#000000 on {colour}")
    return text
