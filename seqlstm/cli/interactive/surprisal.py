"""Output of `/why`: the most probable next pieces, and the surprisal of a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from rich.bar import Bar
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqlstm.cli.console import table
from seqlstm.cli.visible import visible

if TYPE_CHECKING:
    from seqlstm.inference.turns import Candidate, TextPart

BAR = 40  # columns
LINES = 9  # of a text, at most
SHADES = {  # label and style by the lowest surprisal, in bits
    0.0: ("under 1", ""),
    1.0: ("1 to 2", "black on #fff1a8"),
    2.0: ("2 to 4", "black on #ffc857"),
    4.0: ("4 to 8", "black on #f08a4b"),
    8.0: ("8 or more", "white on #c8383e"),
}


def chart(candidates: Sequence[Candidate]) -> Table:
    """A table with a bar for each piece; the longest bar has full width."""
    shown = table("next piece", "model", "sampled", "")
    shown.columns[1].justify = shown.columns[2].justify = "right"
    longest = max(candidate.probability for candidate in candidates)
    for piece, model, sampled in candidates:
        bar = Bar(longest, 0, model, width=BAR, color="cyan" if sampled else "bright_black")
        shown.add_row(Text(on_one_line(piece)), percent(model), percent(sampled), bar)
    return shown


def on_one_line(piece: str) -> str:
    return visible(piece.replace("\n", "\\n").replace("\t", "\\t"))


def percent(probability: float) -> str:
    return f"{probability:.1%}" if probability else "–"


def coloured(parts: Sequence[TextPart]) -> Text:
    """A text with each part shaded by its surprisal; a line end is shown as ↵."""
    whole, pending = Text(), 0.0
    for text, _, bits in parts:
        pending += bits  # the bytes of one character have its surprisal together
        if text:
            whole.append(visible(text).replace("\n", "↵\n"), style=shade(pending))
            pending = 0.0
    return whole


def last_lines(text: Text, console: Console) -> Text:
    """The last lines of a text, so few that the whole output fits on a screen."""
    lines = text[-LINES * console.width :].wrap(console, console.width)
    shown = Text("\n").join(lines[-LINES:])
    return shown if len(lines) <= LINES else Text.assemble(("…\n", "dim"), shown)


def shade(bits: float) -> str:
    lowest = max((lowest for lowest in SHADES if lowest <= bits), default=0.0)
    return SHADES[lowest][1]


def legend() -> Text:
    """The meaning of the shades."""
    samples = [part for name, style in SHADES.values() for part in (" ", (f" {name} ", style))]
    return Text.assemble(("bits a piece:", "dim"), *samples)


def means(parts: Sequence[TextPart]) -> str:
    """The mean surprisal: of the whole text, of the person's parts and of the model's."""
    return f"mean {'; '.join(mean_of(parts))}"


def mean_of(parts: Sequence[TextPart]) -> Iterator[str]:
    yield f"{fmean(part.bits for part in parts):.2f} bits over {len(parts):,} pieces"
    for name, generated in (("yours", False), ("the model's", True)):
        bits = [part.bits for part in parts if part.generated == generated]
        if 0 < len(bits) < len(parts):
            yield f"{name} {fmean(bits):.2f}"
