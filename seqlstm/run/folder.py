"""A run folder: `train` writes it, all other commands read it.

recipe.toml        the resolved recipe
tokenizer.model    the SentencePiece model; source.model and target.model if each side has its own
best.safetensors   the weights with the best value of the recipe's metric
last.safetensors   the weights of the last checkpoint
checkpoint.pt      the training state, to resume from
log.jsonl          a line for every twentieth step and every validation
run.json           the run's card: format, versions, machine, data and digests
result.json        the scores of a run of a sweep
seqlstm.lock       names the process that trains here; removed at its end

Files are written one after the other, and a process may be killed between any two. So a digest is
in the file that it belongs to (weights, checkpoint), or in the card, which is written after the
files that it describes and before they are replaced. The card, the weights and the checkpoint name
the run that they belong to.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from seqlstm.errors import RunError
from seqlstm.run.card import Card, card_contents
from seqlstm.run.files import CONTENTS, RunFiles, is_own
from seqlstm.run.lock import FolderLock
from seqlstm.run.log import LogContents, append_report, is_logged, read_log, truncated
from seqlstm.runtime.files import (
    Weights,
    load_checkpoint,
    load_weights,
    replace_files,
    save_checkpoint,
    save_weights,
    write_atomically,
    write_errors,
)
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair
from seqlstm.training.progress import TrainingReport

RUN = "run"  # the key of the run in a checkpoint


class RunFolder(RunFiles):
    """A run folder; see `RunFiles`."""

    def check_can_create(self, *, overwrite: bool = False) -> None:
        """Check that a run may be created here, without changing anything.

        Raises:
            RunError: there is a run already and `overwrite` is false, or the folder contains other
                files, which are never deleted.
        """
        if self.path.exists() and not self.path.is_dir():
            raise RunError(f"{self.path} is a file, not a folder")
        if not self.path.is_dir():
            return
        if not all(is_own(file.name) and not file.is_dir() for file in self.path.iterdir()):
            raise RunError(f"{self.path} holds other things", hint="Name another folder.")
        if not overwrite and any(file.is_file() for file in (self.checkpoint, self.best)):
            raise RunError(
                f"{self.path} holds a run already",
                hint="Go on with it (--resume), replace it (--overwrite), or name another "
                "folder (--run DIR).",
            )

    def create(self, card: Card, *, recipe: bytes, tokenizers: TokenizerPair | None = None) -> None:
        """Write the first files of a run, the card last, in place of all files of an old run.

        Raises:
            RunError: the folder cannot be made.
            FileError: the disk is full; an old run is intact.
        """
        self.check_owner()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.remove_temporary_files()
        except OSError as error:
            raise RunError(f"{self.path} cannot be made: {error.strerror}") from error
        sides = tokenizers.by_name if tokenizers else {}
        models = {f"{name}.model": tokenizer.model for name, tokenizer in sides.items()}
        files = {self.recipe.name: recipe, **models, self.card.name: card_contents(card)}
        with write_errors(self.path):
            replace_files(self.path, files, old=CONTENTS)
        self.contents = card

    @classmethod
    def open(cls, path: Path, *, lock: FolderLock | None = None) -> RunFolder:
        """The folder of an existing run.

        Raises:
            RunError: it is no run folder, its card is damaged, one of its files is a pipe, a device
                or a folder, or it was written by a newer seqlstm.
        """
        folder = cls(path, lock=lock)
        folder.check_regular_files()
        if not folder.card.is_file():
            raise RunError(
                f"{path} is no run folder: it has no {folder.card.name}",
                hint="A run folder is what `seqlstm train RECIPE --run DIR` writes.",
            )
        folder.contents = folder.read_card()
        return folder

    def write_recipe(self, text: bytes) -> None:
        """Write the resolved recipe."""
        with self.writing():
            write_atomically(self.recipe, text)

    def check_recipe(self, digest: str) -> None:
        """Check that the recipe in the folder, of this digest, is the run's.

        Raises:
            RunError: it is another one.
        """
        if self.contents and self.contents.recipe and digest not in self.contents.recipe:
            self.check_unchanged()
            if digest not in (self.read_card().recipe or ()):  # a resumption may have replaced it
                raise RunError(
                    f"{self.recipe} is not the recipe with which this run was trained",
                    hint="Restore it from a copy. The device, threads, precision, backend and "
                    "[decoding] may be changed there.",
                )

    def save_tokenizers(self, tokenizers: TokenizerPair) -> None:
        """Write `tokenizer.model`, or `source.model` and `target.model`."""
        with self.writing():
            for name, tokenizer in tokenizers.by_name.items():
                write_atomically(self.path / f"{name}.model", tokenizer.model)

    def holds_tokenizers(self) -> bool:
        """Whether `save_tokenizers` has written all of its files."""
        return self.tokenizer.is_file() or all(file.is_file() for file in self.sides)

    def read_tokenizers(self) -> TokenizerPair:
        """Read the tokenizers that `save_tokenizers` wrote.

        Raises:
            TokenizerError: a file is missing or damaged.
            RunError: a file is not the run's.
        """
        files = [*self.sides] if any(file.is_file() for file in self.sides) else [self.tokenizer]
        models = [Tokenizer.read(file) for file in files]
        self.check_tokenizers([Tokenizer.fingerprint_of(model) for model in models], files)
        source, *target = map(Tokenizer.parse, models, files)
        return TokenizerPair(source, *target) if target else TokenizerPair.joint(source)

    def check_tokenizers(self, fingerprints: Sequence[str], files: Sequence[Path]) -> None:
        """Check that tokenizers with these fingerprints, in these files, are the run's.

        Raises:
            RunError: they are not.
        """
        expected = self.contents.tokenizer.split("+") if self.contents else fingerprints
        for file, found, wanted in zip_longest(files, fingerprints, expected):
            if found != wanted:
                self.check_unchanged()
                raise RunError(
                    f"{file or self.path}: the tokenizer has changed since this run began: its "
                    f"fingerprint was {wanted}, now {found}",
                    hint="Restore it, or start a new run.",
                )

    def save_weights(self, name: str, weights: Weights, *, step: int) -> None:
        """Write `best` or `last`."""
        card = self.contents
        run = f", run {card.run}" if card and card.run else ""
        with self.writing():
            save_weights(self.weights_file(name), weights, f"step {step}{run}")

    def read_weights(self, name: str = "best") -> Weights:
        """Read `best` or `last`; a run without validations has no `best`, so `last` is read.

        Raises:
            RunError: the file is missing, damaged, or of another run.
        """
        return self.read_described_weights(name)[0]

    def read_described_weights(self, name: str = "best") -> tuple[Weights, str]:
        """`read_weights`, and a text that identifies them."""
        file = self.weights_file(name)
        if name == "best" and not file.is_file():
            self.warn_of_missing_best()
            file = self.weights_file("last")
        card = self.contents
        weights, metadata = load_weights(file, sealed=bool(card and card.has_digests))
        description = metadata.get("seqlstm", "")
        if card and card.run and f", run {card.run}," not in description:
            self.check_unchanged()
            raise RunError(
                f"{file} holds the weights of another run",
                hint="Restore the run's own file from a copy.",
            )
        return weights, description

    def warn_of_missing_best(self) -> None:
        """Warn if a validation has chosen best weights."""
        best = [report["step"] for report in self.read_log().reports if report.get("best")]
        if best:
            warnings.warn(
                f"{self.best} is missing, though step {best[-1]:,} was the best: "
                "the weights of the last checkpoint are used",
                stacklevel=3,
            )

    def weights_file(self, name: str) -> Path:
        """The path of `best` or `last`."""
        return self.path / f"{name}.safetensors"

    def save_checkpoint(self, contents: dict[str, Any]) -> None:
        """Write the training state; after the first one, the card records that there is one."""
        card = self.contents
        with self.writing():
            save_checkpoint(self.checkpoint, contents | {RUN: card.run if card else None})
        if card and not card.checkpointed:
            self.write_card(card.model_copy(update={"checkpointed": True}))

    def read_checkpoint(self) -> dict[str, Any]:
        """Read the checkpoint that `save_checkpoint` wrote.

        Raises:
            RunError: the file is missing, damaged, foreign or of another run.
        """
        card = self.contents
        contents = load_checkpoint(self.checkpoint, sealed=bool(card and card.has_digests))
        run = contents.pop(RUN, None)
        if card and run != card.run:
            raise RunError(
                f"{self.checkpoint} belongs to another run",
                hint="Restore the run's own checkpoint from a copy.",
            )
        return contents

    def write_log(self, report: TrainingReport) -> None:
        """Append a report to the log: every validation, the end, and every twentieth step.

        Raises:
            FileError: the disk is full.
        """
        if is_logged(report):
            with self.writing():
                append_report(self.log, report)

    def read_log(self) -> LogContents:
        """The reports of the log; lines that hold none are counted."""
        return read_log(self.log)

    def truncate_log(self, step: int) -> None:
        """Delete the lines after a step, and `end` lines: a resumed run repeats those steps."""
        with self.writing():
            write_atomically(self.log, truncated(self.read_log(), step).encode())
