"""What a person can mend: wrong recipes, data, checkpoints and arguments.

A `UserError` is shown as one panel, without a traceback, and ends the command with exit code 2.
A programmer's mistake is a `ValueError`; ours is an `assert`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


class UserError(Exception):
    """Says what is wrong, where (file, key, line), and what would be right.

    Args:
        message: what is wrong, in one or two sentences.
        hint: what would be right, or what to do next.
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
    """A source that has no such split."""


class TokenizerError(UserError):
    """A SentencePiece model that cannot be trained, read or used."""

    title = "Tokenizer"


class RunError(UserError):
    """A run folder or checkpoint that is missing, damaged, foreign or too new."""

    title = "Run"


class TrainingError(UserError):
    """A run that cannot go on: a full disk, or processes that ended."""

    title = "Training"


class DivergedError(TrainingError):
    """A run whose numbers are no longer finite."""


class FileError(UserError):
    """A file that cannot be written: a full disk, a missing folder."""

    title = "File"


class ArgumentError(UserError):
    """A command-line or API argument that makes no sense."""

    title = "Argument"


@dataclass(frozen=True)
class Mistake:
    """One mistake in a recipe: the dotted key, what is wrong, and what would be right."""

    key: str
    problem: str
    suggestion: str | None = None

    def __str__(self) -> str:
        right = f" ({self.suggestion})" if self.suggestion else ""
        return f"{self.key}: {self.problem}{right}"


class RecipeError(UserError):
    """Every mistake of a recipe at once."""

    title = "Recipe"

    def __init__(self, where: str, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = len(self.mistakes)
        lines = [f"{where}: {count} mistake{'' if count == 1 else 's'}"]
        super().__init__("\n".join([*lines, *(f"  {mistake}" for mistake in self.mistakes)]))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The sentence fragment `did you mean "x"?` for the known word closest to `word`, if any."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else None
