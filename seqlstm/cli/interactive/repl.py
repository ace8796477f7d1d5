"""Commands among the lines that somebody types: a slash, a name, perhaps a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import TypeAlias

from seqlstm.cli.console import note, show_error
from seqlstm.errors import ArgumentError, UserError, nearest

Actions: TypeAlias = Mapping[str, Callable[[str], object]]
"""What the command of each name does with its value, "" where there is none."""


def converse(lines: Iterable[str], *, answer: Callable[[str], object], actions: Actions) -> None:
    """Answer line after line, and do what commands say. A mistake is shown, and changes nothing."""
    for line in lines:
        try:
            if line.startswith("/") and not line.startswith("//"):
                obey(line[1:], actions)
            else:
                answer(line[1:] if line.startswith("//") else line)
        except UserError as error:
            show_error(error)
        except KeyboardInterrupt:
            note("stopped")


def obey(command: str, actions: Actions) -> None:
    """Do what a command says.

    Raises:
        ArgumentError: it makes no sense.
    """
    name, _, value = command.strip().partition(" ")
    if name not in actions:
        raise ArgumentError(
            f"there is no command /{name}",
            hint=nearest(name, actions) or "/help lists them.",
        )
    actions[name](value.strip())


@dataclass(frozen=True)
class Number:
    """Which numbers a command takes.

    Args:
        kind: int or float.
        least, most: the bounds, which belong to them.
    """

    kind: type[int] | type[float]
    least: float = 0
    most: float = inf

    def read(self, name: str, value: str) -> int | float | None:
        """The number after a command; None where there is none.

        Raises:
            ArgumentError: no number, or one that the command does not take.
        """
        if not value:
            return None
        try:
            told = self.kind(value)
        except ValueError:
            told = self.kind(-1)
        if not self.least <= told <= self.most or told == inf:
            kind = "a whole number" if self.kind is int else "a number"
            bounds = f", {self.least} or more" if self.most == inf else self.between
            raise ArgumentError(f"/{name} needs {kind}{bounds}, was: {value}")
        return told

    @property
    def between(self) -> str:
        return f" from {self.least} to {self.most}"


def refuse_value(name: str, value: str) -> None:
    """Make sure that a command which takes no value got none.

    Raises:
        ArgumentError: it got one.
    """
    if value:
        raise ArgumentError(f"/{name} takes no value, was: {value}")
