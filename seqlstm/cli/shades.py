"""What a unit holds along a text, as colours: blue below its mean, red above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from seqlstm.inference.units import Follower

FULL = 2.0  # deviations from the mean at which a colour is full
BLUE, WHITE, RED = (67, 147, 195), (255, 255, 255), (214, 96, 77)


@dataclass(frozen=True)
class Strip:
    """A line of values, one a piece.

    Attributes:
        name: of the property.
        follower: the unit that follows it, whose values these are; None for those of the property.
        values: of the unit, in deviations from its mean; of the property, as they are.
    """

    name: str
    follower: Follower | None
    values: list[float]

    @property
    def label(self) -> str:
        """Short: a property's name, or the unit and its correlation with the property."""
        if self.follower is None:
            return self.name
        return f"{self.follower.unit}  {self.follower.correlation:+.2f}"


def shade(value: float) -> tuple[int, int, int]:
    """Red, green and blue of 0 to 255, for deviations from a mean."""
    share = min(abs(value) / FULL, 1.0)
    full = RED if value > 0 else BLUE
    red, green, blue = (round(w + share * (f - w)) for w, f in zip(WHITE, full, strict=True))
    return red, green, blue


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
