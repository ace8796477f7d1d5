"""A read-eval-print loop: lines, and commands of a slash, a name and an optional value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import TypeAlias

from seqlstm.cli.console import note
from seqlstm.cli.failures import show_failure
from seqlstm.errors import ArgumentError, UserError, nearest

Actions: TypeAlias = Mapping[str, Callable[[str], object]]
"""By name of a command, the function of its value; the value is "" if there is none."""


def converse(lines: Iterable[str], *, answer: Callable[[str], object], actions: Actions) -> None:
    """Answer each line and run each command. A mistake is shown and changes nothing."""
    for line in lines:
        try:
            if line.startswith("/") and not line.startswith("//"):
                run_command(line[1:], actions)
            else:
                answer(line[1:] if line.startswith("//") else line)
        except (UserError, OSError) as error:
            show_failure(error)
        except KeyboardInterrupt:
            note("stopped")


def run_command(command: str, actions: Actions) -> None:
    """Run a command.

    Raises:
        ArgumentError: there is no such command, or its value is wrong.
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
    """The numbers that a command accepts.

    Args:
        kind: int or float.
        minimum, maximum: the bounds, both allowed.
    """

    kind: type[int] | type[float]
    minimum: float = 0
    maximum: float = inf

    def read(self, name: str, value: str) -> int | float | None:
        """The number after a command; None if the value is empty.

        Raises:
            ArgumentError: the value is not a number, or is out of bounds.
        """
        if not value:
            return None
        try:
            number = self.kind(value)
        except ValueError:
            number = self.kind(-1)  # below every minimum
        if not self.minimum <= number <= self.maximum or number == inf:
            kind = "a whole number" if self.kind is int else "a number"
            bounds = (
                f", {self.minimum} or more"
                if self.maximum == inf
                else f" from {self.minimum} to {self.maximum}"
            )
            raise ArgumentError(f"/{name} needs {kind}{bounds}, was: {value}")
        return number


def refuse_value(name: str, value: str) -> None:
    """Make sure that a command without a value has none.

    Raises:
        ArgumentError: it has one.
    """
    if value:
        raise ArgumentError(f"/{name} takes no value, was: {value}")
