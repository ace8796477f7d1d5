"""The files of a run, their owner, and the card that they are checked against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqlstm.errors import FileError, RunError
from seqlstm.run.card import Card, card_contents, parse_card
from seqlstm.run.lock import LOCK_FILE, FolderLock
from seqlstm.runtime.files import is_temporary, remove_temporary_files, write_atomically

CONTENTS = (
    "recipe.toml",
    "tokenizer.model",
    "source.model",
    "target.model",
    "best.safetensors",
    "last.safetensors",
    "checkpoint.pt",
    "log.jsonl",
    "result.json",
    "run.json",
)
"""A run's own files. The card is the last to be deleted: a folder with a card is a run."""


class RunFiles:
    """The paths of a run's files, and its card.

    Args:
        path: of the folder.
        lock: that this process holds on it; without one, the folder is only read.

    Attributes:
        contents: the card, once it is read or written; the other files are checked against it.
    """

    def __init__(self, path: Path, *, lock: FolderLock | None = None) -> None:
        self.path = path
        self.lock = lock
        self.recipe = path / "recipe.toml"
        self.tokenizer = path / "tokenizer.model"
        self.sides = path / "source.model", path / "target.model"
        self.checkpoint = path / "checkpoint.pt"
        self.best = path / "best.safetensors"
        self.log = path / "log.jsonl"
        self.card = path / "run.json"
        self.contents: Card | None = None

    @property
    def card_contents(self) -> Card:
        """The card of a run that was opened or created."""
        assert self.contents is not None
        return self.contents

    def check_owner(self) -> None:
        """Check, before something is written, that the folder is still the locked one."""
        if self.lock:
            self.lock.check()

    def check_regular_files(self) -> None:
        """Check that none of the run's files is a pipe, on which a reader waits, or the like.

        Raises:
            RunError: one is.
        """
        for path in (self.path / name for name in CONTENTS):
            if path.exists() and not path.is_file():
                raise RunError(
                    f"{path} is no regular file",
                    hint="Restore it from a copy, or train again into a new folder.",
                )

    def remove_temporary_files(self) -> None:
        """Remove what killed trainings have left; the lock must be held."""
        remove_temporary_files(self.path, CONTENTS)

    def write_card(self, card: Card) -> None:
        """Write `run.json`."""
        with self.writing():
            write_atomically(self.card, card_contents(card))
        self.contents = card

    def read_card(self) -> Card:
        """Read the card that `write_card` wrote.

        Raises:
            RunError: the file is damaged, or was written by a newer seqlstm.
        """
        try:
            return parse_card(self.card.read_bytes(), self.card)
        except OSError as error:
            raise RunError(f"{self.card} cannot be read: {error.strerror}") from error

    def check_unchanged(self) -> None:
        """Check that the folder has still the run that was opened.

        Raises:
            RunError: another training has replaced it.
        """
        if self.contents and self.card.is_file() and self.read_card().run != self.contents.run:
            raise RunError(f"the run in {self.path} was replaced meanwhile", hint="Try again.")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While inside, a file of an existing run is written: errors name `--resume`."""
        self.check_owner()
        try:
            yield
        except FileError as error:
            hint = f"{error.hint or 'Mend this.'} Then go on with --resume."
            raise FileError(error.message, hint=hint) from error


def is_own(name: str) -> bool:
    """Whether a file of this name is a run's own."""
    return name in CONTENTS or name == LOCK_FILE or is_temporary(name, CONTENTS)
