"""A run folder: `train` writes it, all other commands read it.

recipe.toml        the resolved recipe
tokenizer.model    the SentencePiece model; source.model and target.model if each side has its own
best.safetensors   the weights with the best value of the recipe's metric
last.safetensors   the weights of the last checkpoint
checkpoint.pt      the training state, to resume from
log.jsonl          a line for every twentieth step and every validation
run.json           the run's card: format, versions, machine and data
result.json        the scores of a run of a sweep
"""

from __future__ import annotations

import json
import platform
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from seqlstm import __version__
from seqlstm.errors import RunError, TrainingError
from seqlstm.runtime.files import (
    Weights,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    save_weights,
    write_atomically,
)
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair
from seqlstm.training.progress import TrainingReport

FORMAT = 1
LOG_EVERY = 20
PACKAGES = ("torch", "sentencepiece", "datasets", "sacrebleu")
CONTENTS = (
    "recipe.toml",
    "tokenizer.model",
    "source.model",
    "target.model",
    "best.safetensors",
    "last.safetensors",
    "checkpoint.pt",
    "log.jsonl",
    "run.json",
    "result.json",
)
OWN_FILES = {*CONTENTS, *(f"{name}.tmp" for name in CONTENTS)}


class RunFolder:
    """The files of one run.

    Args:
        path: of the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe = path / "recipe.toml"
        self.tokenizer = path / "tokenizer.model"
        self.sides = path / "source.model", path / "target.model"
        self.checkpoint = path / "checkpoint.pt"
        self.best = path / "best.safetensors"
        self.log = path / "log.jsonl"
        self.card = path / "run.json"

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
        if any(file.name not in OWN_FILES for file in self.path.iterdir()):
            raise RunError(f"{self.path} holds other things", hint="Name another folder.")
        if not overwrite and any(file.is_file() for file in (self.checkpoint, self.best)):
            raise RunError(
                f"{self.path} holds a run already",
                hint="Go on with it (--resume), replace it (--overwrite), or name another "
                "folder (--run DIR).",
            )

    def create(self, *, recipe: str) -> None:
        """Delete an old run's files and write the recipe; `write_card` completes the new run.

        Raises:
            RunError: the folder cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # The card is deleted last: a folder with a card is a run.
            for name in sorted(OWN_FILES, key=lambda name: name == self.card.name):
                (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"{self.path} cannot be made: {error.strerror}") from error
        self.write_recipe(recipe)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The folder of an existing run.

        Raises:
            RunError: it is no run folder, or was written by a newer seqlstm.
        """
        folder = cls(path)
        if not folder.card.is_file():
            raise RunError(
                f"{path} is no run folder: it has no {folder.card.name}",
                hint="A run folder is what `seqlstm train RECIPE --run DIR` writes.",
            )
        format = folder.read_card().get("format")
        if not isinstance(format, int):
            raise RunError(f"{folder.card} is damaged: it names no format")
        if format > FORMAT:
            raise RunError(
                f"{path} was written by a newer seqlstm: format {format}, this one reads {FORMAT}",
                hint="Upgrade seqlstm.",
            )
        return folder

    def write_recipe(self, text: str) -> None:
        """Write the resolved recipe."""
        write_atomically(self.recipe, text.encode())

    def save_tokenizers(self, tokenizers: TokenizerPair) -> None:
        """Write `tokenizer.model`, or `source.model` and `target.model`."""
        for name, tokenizer in tokenizers.by_name.items():
            tokenizer.save(self.path / f"{name}.model")

    def holds_tokenizers(self) -> bool:
        """Whether `save_tokenizers` has written all of its files."""
        return self.tokenizer.is_file() or all(file.is_file() for file in self.sides)

    def read_tokenizers(self) -> TokenizerPair:
        """Read the tokenizers that `save_tokenizers` wrote.

        Raises:
            TokenizerError: a file is missing or damaged.
        """
        if any(file.is_file() for file in self.sides):
            source, target = map(Tokenizer.load, self.sides)
            return TokenizerPair(source, target)
        return TokenizerPair.joint(Tokenizer.load(self.tokenizer))

    def write_card(self, details: dict[str, Any]) -> None:
        """Write `run.json`: format, versions, machine, and the details passed in."""
        card = {
            "format": FORMAT,
            "seqlstm": __version__,
            "python": platform.python_version(),
            "packages": {package: version(package) for package in PACKAGES},
            "machine": f"{platform.system()} {platform.machine()}",
            "threads": torch.get_num_threads(),
            **details,
        }
        write_atomically(self.card, json.dumps(card, indent=2, ensure_ascii=False).encode())

    def read_card(self) -> dict[str, Any]:
        """Read the card that `write_card` wrote.

        Raises:
            RunError: the file is damaged.
        """
        try:
            card = json.loads(self.card.read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            raise RunError(f"{self.card} is damaged: {error}") from error
        if not isinstance(card, dict):
            raise RunError(f"{self.card} is damaged: it holds no table")
        return card

    def save_weights(self, name: str, weights: Weights, *, step: int) -> None:
        """Write `best` or `last`."""
        # One entry: safetensors writes several entries in random order.
        metadata = {"seqlstm": f"format {FORMAT}, step {step}"}
        save_weights(self.weights_file(name), weights, metadata)

    def read_weights(self, name: str = "best") -> Weights:
        """Read `best` or `last`; a run without validations has no `best`, so `last` is read."""
        file = self.weights_file(name)
        if name == "best" and not file.is_file():
            file = self.weights_file("last")
        return load_weights(file)

    def weights_file(self, name: str) -> Path:
        """The path of `best` or `last`."""
        return self.path / f"{name}.safetensors"

    def save_checkpoint(self, contents: dict[str, Any]) -> None:
        """Write the training state."""
        save_checkpoint(self.checkpoint, contents)

    def read_checkpoint(self) -> dict[str, Any]:
        """Read the checkpoint that `save_checkpoint` wrote.

        Raises:
            RunError: the file is damaged or foreign.
        """
        return load_checkpoint(self.checkpoint)

    def write_log(self, report: TrainingReport) -> None:
        """Append a report to the log: every validation, the end, and every twentieth step.

        Raises:
            TrainingError: the disk is full.
        """
        if report.kind == "checkpoint" or (report.kind == "step" and report.step % LOG_EVERY):
            return
        line = {
            key: value
            for key, value in asdict(report).items()
            if value not in ({}, None) and value is not False
        }
        try:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise TrainingError(
                f"{self.log} could not be written: {error.strerror}",
                hint="The last checkpoint is intact. Make room, then go on with --resume.",
            ) from error

    def read_log(self) -> list[dict[str, Any]]:
        """The lines of the log, without lines cut off by a crash or a full disk."""
        lines = []
        if self.log.is_file():
            for line in self.log.read_text(encoding="utf-8").splitlines():
                with suppress(ValueError):
                    lines.append(json.loads(line))
        return lines

    def truncate_log(self, step: int) -> None:
        """Delete the lines after a step, and `end` lines: a resumed run repeats those steps."""
        lines = [line for line in self.read_log() if line["step"] <= step and line["kind"] != "end"]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        write_atomically(self.log, text.encode())
