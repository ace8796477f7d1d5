"""What `/why` shows: what may come next, and how surprising a text was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from rich.bar import Bar
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqlstm.cli.console import table
from seqlstm.cli.interactive.wrapping import visible

if TYPE_CHECKING:
    from seqlstm.inference.turns import Candidate, TextPart

BAR = 40  # columns
LINES = 9  # of a text that are shown
SHADES = {  # by the least surprisal, in bits
    0.0: ("under 1", ""),
    1.0: ("1 to 2", "black on #fff1a8"),
    2.0: ("2 to 4", "black on #ffc857"),
    4.0: ("4 to 8", "black on #f08a4b"),
    8.0: ("8 or more", "white on #c8383e"),
}


def chart(candidates: Sequence[Candidate]) -> Table:
    """A bar for each piece; the longest is as long as there is room."""
    shown = table("next piece", "model", "drawn", "")
    shown.columns[1].justify = shown.columns[2].justify = "right"
    longest = max(one.probability for one in candidates)
    for piece, model, drawn in candidates:
        bar = Bar(longest, 0, model, width=BAR, color="cyan" if drawn else "bright_black")
        shown.add_row(Text(on_a_line(piece)), percent(model), percent(drawn), bar)
    return shown


def on_a_line(piece: str) -> str:
    return visible(piece.replace("\n", "\\n").replace("\t", "\\t"))


def percent(share: float) -> str:
    return f"{share:.1%}" if share else "–"


def coloured(parts: Sequence[TextPart]) -> Text:
    """A text, each part of it in the shade of its surprisal; a line's end shows as ↵."""
    whole, waiting = Text(), 0.0
    for text, _, bits in parts:
        waiting += bits  # pieces that spell a character together are as surprising as it
        if text:
            whole.append(visible(text).replace("\n", "↵\n"), style=shade(waiting))
            waiting = 0.0
    return whole


def latest(text: Text, console: Console) -> Text:
    """The last lines of a text, as many as go on a screen with what stands around them."""
    lines = text[-LINES * console.width :].wrap(console, console.width)
    shown = Text("\n").join(lines[-LINES:])
    return shown if len(lines) <= LINES else Text.assemble(("…\n", "dim"), shown)


def shade(bits: float) -> str:
    least = max((least for least in SHADES if least <= bits), default=0.0)
    return SHADES[least][1]


def legend() -> Text:
    """What the shades mean."""
    keys = [part for name, style in SHADES.values() for part in (" ", (f" {name} ", style))]
    return Text.assemble(("bits a piece:", "dim"), *keys)


def means(parts: Sequence[TextPart]) -> str:
    """The mean surprisal: of all, and of what either wrote."""
    return f"mean {'; '.join(mean_of(parts))}"


def mean_of(parts: Sequence[TextPart]) -> Iterator[str]:
    yield f"{fmean(part.bits for part in parts):.2f} bits over {len(parts):,} pieces"
    for name, generated in (("yours", False), ("the model's", True)):
        bits = [part.bits for part in parts if part.generated == generated]
        if 0 < len(bits) < len(parts):
            yield f"{name} {fmean(bits):.2f}"
