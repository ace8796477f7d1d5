"""Colours for a unit's values along a text: blue below its mean, red above."""

from __future__ import annotations

from dataclasses import dataclass

from seqlstm.analysis.units import UnitCorrelation

FULL = 2.0  # standard deviations from the mean at which a colour is full
BLUE, WHITE, RED = (67, 147, 195), (255, 255, 255), (214, 96, 77)


@dataclass(frozen=True)
class Strip:
    """A row of a picture, with a value for each piece.

    Attributes:
        name: the property.
        follower: the unit that follows the property; None for the row of the property itself.
        values: of a unit, in standard deviations from its mean; of a property, unscaled.
    """

    name: str
    follower: UnitCorrelation | None
    values: list[float]

    @property
    def label(self) -> str:
        """The property's name, or the unit and its correlation with the property."""
        if self.follower is None:
            return self.name
        return f"{self.follower.unit}  {self.follower.correlation:+.2f}"


def shade(value: float) -> tuple[int, int, int]:
    """Red, green and blue, from 0 to 255, of a number of standard deviations."""
    strength = min(abs(value) / FULL, 1.0)
    full = RED if value > 0 else BLUE
    red, green, blue = (round(w + strength * (f - w)) for w, f in zip(WHITE, full, strict=True))
    return red, green, blue
