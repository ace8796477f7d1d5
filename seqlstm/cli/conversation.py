"""`seqlstm translate` on a terminal: lines are translated, commands change how."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seqlstm.cli.console import note, show_error
from seqlstm.cli.decoding import Decoding
from seqlstm.errors import ArgumentError, nearest

if TYPE_CHECKING:
    from seqlstm.inference.translation import LoadedTranslator

NUMBERS: dict[str, type[int] | type[float]] = {
    "n-best": int,
    "width": int,
    "length-penalty": float,
    "coverage-penalty": float,
    "no-repeat": int,
    "min-length": int,
    "max-length": int,
}
LEAST = {"n-best": 1, "width": 1, "max-length": 1}
HELP = """/n-best 5, /width 8, /length-penalty 0.6, /coverage-penalty 0.2, /no-repeat 3,
/min-length 5, /max-length 40: as the options of these names; without a number, the run's own.
/scores: scores before translations, or no longer. /help: this. //…: a line that begins with /.
Ctrl-D ends."""


@dataclass
class Conversation:
    """What has been set so far.

    Args:
        loaded: the translator.
        decoding: how it decodes at first.
        scores: whether scores are shown at first.
    """

    loaded: LoadedTranslator
    decoding: Decoding
    scores: bool

    def run(self, lines: Iterable[str], show: Callable[..., object]) -> None:
        """Answer line after line by `show(find, lines, number, scores=, numbered=)`."""
        find = self.decoding.finder(self.loaded)
        number = 0
        for line in lines:
            try:
                if line.startswith("/") and not line.startswith("//"):
                    self.obey(line[1:])
                    find = self.decoding.finder(self.loaded)
                    continue
                numbered = self.decoding.several
                line = line.removeprefix("/") if line.startswith("//") else line
                show(find, [line], number, scores=self.scores, numbered=numbered)
                number += 1
            except ArgumentError as error:
                show_error(error)

    def obey(self, command: str) -> None:
        """Do what a command says; one that makes no sense changes nothing.

        Raises:
            ArgumentError: it makes no sense.
        """
        name, _, value = command.strip().partition(" ")
        if name == "help":
            note(HELP)
        elif name == "scores":
            self.scores = not self.scores
            note("scores are shown" if self.scores else "scores are not shown")
        elif name in NUMBERS:
            changed = replace(self.decoding, **{name.replace("-", "_"): number(name, value)})
            changed.check(self.loaded)
            self.decoding = changed
        else:
            raise ArgumentError(
                f"there is no command /{name}",
                hint=nearest(name, [*NUMBERS, "scores", "help"]) or "/help lists them.",
            )


def number(name: str, value: str) -> Any:
    """The number after a command; None where there is none."""
    if not value.strip():
        return None
    try:
        told = NUMBERS[name](value)
    except ValueError:
        told = -1
    if not LEAST.get(name, 0) <= told < float("inf"):
        kind = "a whole number" if NUMBERS[name] is int else "a number"
        raise ArgumentError(f"/{name} needs {kind}, {LEAST.get(name, 0)} or more, was: {value}")
    return told
