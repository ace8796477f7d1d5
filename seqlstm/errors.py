"""Errors that a user can correct: in recipes, data, checkpoints and arguments.

A `UserError` is shown as one panel, without a traceback, and ends the command with exit code 2.
Wrong calls of the Python API raise `ValueError`; internal invariants are checked by `assert`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


class UserError(Exception):
    """The base of errors that a user can correct.

    Args:
        message: one or two sentences: what is wrong, and where (file, key, line).
        hint: the correct form, or what to do next.
    """

    title = "Error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message}\n{hint}")
        self.message = message
        self.hint = hint


class DataError(UserError):
    """A data set, file, split or column that is missing or malformed."""

    title = "Data"


class SplitError(DataError):
    """A split that its source does not have."""


class TokenizerError(UserError):
    """A SentencePiece model that cannot be trained, read or used."""

    title = "Tokenizer"


class RunError(UserError):
    """A run folder or checkpoint that is missing, damaged, of another run, or too new."""

    title = "Run"


class TrainingError(UserError):
    """Training that cannot continue: a full disk, or a process that has died."""

    title = "Training"


class DivergedError(TrainingError):
    """A loss or gradient that is infinite or NaN."""


class FileError(UserError):
    """A file that cannot be written: a full disk, a missing folder."""

    title = "File"


class ArgumentError(UserError):
    """An invalid argument of the command line or the Python API."""

    title = "Argument"


MAX_LISTED = 50


@dataclass(frozen=True)
class Mistake:
    """One mistake in a recipe: the dotted key, the problem, and a suggestion."""

    key: str
    problem: str
    suggestion: str | None = None

    def __str__(self) -> str:
        suggestion = f" ({self.suggestion})" if self.suggestion else ""
        return f"{self.key}: {self.problem}{suggestion}"


class RecipeError(UserError):
    """All mistakes of a recipe; the message has the first `MAX_LISTED`."""

    title = "Recipe"

    def __init__(self, where: str, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = len(self.mistakes)
        lines = [f"{where}: {count} mistake{'' if count == 1 else 's'}"]
        lines += [f"  {mistake}" for mistake in self.mistakes[:MAX_LISTED]]
        if count > MAX_LISTED:
            lines.append(f"  and {count - MAX_LISTED} more")
        super().__init__("\n".join(lines))


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The hint `did you mean "x"?` for the choice most similar to `word`; None if none is close."""
    close = get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else None
