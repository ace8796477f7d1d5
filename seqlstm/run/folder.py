"""A run folder: what `train` writes and everything else opens.

recipe.toml        the recipe, resolved
tokenizer.model    SentencePiece; or source.model and target.model, where each side has its own
best.safetensors   the weights for use, best by the recipe's metric
last.safetensors   those of the last checkpoint
checkpoint.pt      all that going on depends on
log.jsonl          a line for every twentieth step, and for every validation
run.json           format, versions, machine, and what the data were
result.json        what a sweep has scored
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
OURS = {*CONTENTS, *(f"{name}.tmp" for name in CONTENTS)}


class RunFolder:
    """The files of one run.

    Args:
        path: the folder.
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

    def refuse_taken(self, *, overwrite: bool = False) -> None:
        """Make sure that a run may be created here. Changes nothing.

        Raises:
            RunError: there is a run already and `overwrite` is false, or the folder holds other
                things, which are never deleted.
        """
        if self.path.exists() and not self.path.is_dir():
            raise RunError(f"{self.path} is a file, not a folder")
        if not self.path.is_dir():
            return
        if any(one.name not in OURS for one in self.path.iterdir()):
            raise RunError(f"{self.path} holds other things", hint="Name another folder.")
        if not overwrite and any(file.is_file() for file in (self.checkpoint, self.best)):
            raise RunError(
                f"{self.path} holds a run already",
                hint="Go on with it (--resume), replace it (--overwrite), or name another "
                "folder (--run DIR).",
            )

    def create(self, *, recipe: str) -> None:
        """Begin a run here; what one left behind goes. It is a run once its card is written.

        Raises:
            RunError: the folder cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for name in sorted(OURS, key=lambda name: name == self.card.name):
                (self.path / name).unlink(missing_ok=True)  # the card last: till then it is a run
        except OSError as error:
            raise RunError(f"{self.path} cannot be made: {error.strerror}") from error
        self.write_recipe(recipe)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """A folder that a run has written.

        Raises:
            RunError: there is no run, or a newer seqlstm wrote it.
        """
        folder = cls(path)
        if not folder.card.is_file():
            raise RunError(
                f"{path} is no run folder: it has no {folder.card.name}",
                hint="A run folder is what `seqlstm train RECIPE --run DIR` writes.",
            )
        written = folder.read_card().get("format")
        if not isinstance(written, int):
            raise RunError(f"{folder.card} is damaged: it names no format")
        if written > FORMAT:
            raise RunError(
                f"{path} was written by a newer seqlstm: format {written}, this one reads {FORMAT}",
                hint="Upgrade seqlstm.",
            )
        return folder

    def write_recipe(self, text: str) -> None:
        """Keep the resolved recipe."""
        write_atomically(self.recipe, text.encode())

    def keep_tokenizers(self, tokenizers: TokenizerPair) -> None:
        """Write `tokenizer.model`, or `source.model` and `target.model`."""
        for name, tokenizer in tokenizers.by_name.items():
            tokenizer.save(self.path / f"{name}.model")

    def holds_tokenizers(self) -> bool:
        """Whether they were written, all of them."""
        return self.tokenizer.is_file() or all(file.is_file() for file in self.sides)

    def read_tokenizers(self) -> TokenizerPair:
        """What `keep_tokenizers` wrote.

        Raises:
            TokenizerError: a file is missing or damaged.
        """
        if any(file.is_file() for file in self.sides):
            source, target = map(Tokenizer.load, self.sides)
            return TokenizerPair(source, target)
        return TokenizerPair.joint(Tokenizer.load(self.tokenizer))

    def write_card(self, facts: dict[str, Any]) -> None:
        """What a person needs to audit the run."""
        card = {
            "format": FORMAT,
            "seqlstm": __version__,
            "python": platform.python_version(),
            "packages": {package: version(package) for package in PACKAGES},
            "machine": f"{platform.system()} {platform.machine()}",
            "threads": torch.get_num_threads(),
            **facts,
        }
        write_atomically(self.card, json.dumps(card, indent=2, ensure_ascii=False).encode())

    def read_card(self) -> dict[str, Any]:
        """What `write_card` wrote.

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

    def keep_weights(self, name: str, weights: Weights, *, step: int) -> None:
        """Write `best` or `last`."""
        # One entry: safetensors writes several in an order that differs from time to time.
        note = {"seqlstm": f"format {FORMAT}, step {step}"}
        save_weights(self.weights_file(name), weights, note)

    def read_weights(self, name: str = "best") -> Weights:
        """`best`, which is `last` in a run that never validated, or `last`."""
        file = self.weights_file(name)
        if name == "best" and not file.is_file():
            file = self.weights_file("last")
        return load_weights(file)

    def weights_file(self, name: str) -> Path:
        """Where `best` or `last` stands."""
        return self.path / f"{name}.safetensors"

    def keep_checkpoint(self, contents: dict[str, Any]) -> None:
        """Write all that going on depends on."""
        save_checkpoint(self.checkpoint, contents)

    def read_checkpoint(self) -> dict[str, Any]:
        """What `keep_checkpoint` wrote.

        Raises:
            RunError: the file is damaged or foreign.
        """
        return load_checkpoint(self.checkpoint)

    def write_log(self, report: TrainingReport) -> None:
        """A line for every validation, for the end, and for every twentieth step.

        Raises:
            TrainingError: the disk is full.
        """
        if report.kind == "saved" or (report.kind == "step" and report.step % LOG_EVERY):
            return
        facts = asdict(report).items()
        line = {
            key: value for key, value in facts if value not in ({}, None) and value is not False
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
        """The lines of the log, but for one that a crash or a full disk has cut."""
        lines = []
        if self.log.is_file():
            for line in self.log.read_text(encoding="utf-8").splitlines():
                with suppress(ValueError):
                    lines.append(json.loads(line))
        return lines

    def truncate_log(self, step: int) -> None:
        """Forget what happened after a step: a resumed run will do it again."""
        kept = [line for line in self.read_log() if line["step"] <= step and line["kind"] != "end"]
        text = "".join(json.dumps(line) + "\n" for line in kept if step)
        write_atomically(self.log, text.encode())
