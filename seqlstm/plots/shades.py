"""Values of a unit along a text as colours: blue below its mean, red above."""

from __future__ import annotations

from dataclasses import dataclass

from seqlstm.analysis.units import UnitCorrelation

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
    follower: UnitCorrelation | None
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
