"""A run folder: what `train` writes and everything else opens.

recipe.toml        the recipe, resolved
tokenizer.model    SentencePiece
best.safetensors   the weights for use, best by the recipe's metric
last.safetensors   those of the last checkpoint
checkpoint.pt      all that going on depends on
log.jsonl          a line for every twentieth step, and for every validation
run.json           format, versions, machine, and what the data were
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from seqlstm import __version__
from seqlstm.errors import RunError
from seqlstm.training.checkpoint import (
    load_checkpoint,
    load_weights,
    save_checkpoint,
    save_weights,
    write_whole,
)
from seqlstm.training.progress import Report
from seqlstm.training.weights import Weights

FORMAT = 1
LOG_EVERY = 20
PACKAGES = ("torch", "sentencepiece", "datasets", "sacrebleu")
CONTENTS = (
    "recipe.toml",
    "tokenizer.model",
    "best.safetensors",
    "last.safetensors",
    "checkpoint.pt",
    "log.jsonl",
    "run.json",
)


class RunFolder:
    """The files of one run.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe = path / "recipe.toml"
        self.tokenizer = path / "tokenizer.model"
        self.checkpoint = path / "checkpoint.pt"
        self.log = path / "log.jsonl"
        self.card = path / "run.json"

    @classmethod
    def create(cls, path: Path, *, recipe: str, overwrite: bool = False) -> RunFolder:
        """A new folder for a run of the recipe. One that never reached a checkpoint is replaced.

        Raises:
            RunError: there is a run already and `overwrite` is false, or the folder holds other
                things, which are never deleted.
        """
        folder = cls(path)
        if path.exists() and not path.is_dir():
            raise RunError(f"{path} is a file, not a folder")
        if folder.card.is_file():
            if folder.checkpoint.is_file() and not overwrite:
                raise RunError(
                    f"{path} holds a run already",
                    hint="Go on with it (--resume), replace it (--overwrite), or name another "
                    "folder (--run DIR).",
                )
            for name in CONTENTS:
                (path / name).unlink(missing_ok=True)
        elif path.is_dir() and any(path.iterdir()):
            raise RunError(f"{path} holds other things, and no run", hint="Name another folder.")
        path.mkdir(parents=True, exist_ok=True)
        write_whole(folder.recipe, recipe.encode())
        folder.write_card({})
        return folder

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
        if not isinstance(written, int) or written > FORMAT:
            raise RunError(
                f"{path} was written by a newer seqlstm: format {written}, this one reads {FORMAT}",
                hint="Upgrade seqlstm.",
            )
        return folder

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
        write_whole(self.card, json.dumps(card, indent=2, ensure_ascii=False).encode())

    def read_card(self) -> dict[str, Any]:
        try:
            card: dict[str, Any] = json.loads(self.card.read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            raise RunError(f"{self.card} is damaged: {error}") from error
        return card

    def keep_weights(self, name: str, weights: Weights, *, step: int) -> None:
        """Write `best` or `last`."""
        save_weights(self.weights_file(name), weights, {"step": str(step), "format": str(FORMAT)})

    def read_weights(self, name: str = "best") -> Weights:
        """`best`, which is `last` in a run that never validated, or `last`."""
        file = self.weights_file(name)
        if name == "best" and not file.is_file():
            file = self.weights_file("last")
        return load_weights(file)

    def weights_file(self, name: str) -> Path:
        return self.path / f"{name}.safetensors"

    def keep_checkpoint(self, contents: dict[str, Any]) -> None:
        save_checkpoint(self.checkpoint, contents)

    def read_checkpoint(self) -> dict[str, Any]:
        return load_checkpoint(self.checkpoint)

    def write_log(self, report: Report) -> None:
        """A line for every validation, for the end, and for every twentieth step."""
        if report.kind == "saved" or (report.kind == "step" and report.step % LOG_EVERY):
            return
        line = {
            key: value for key, value in asdict(report).items() if value not in (None, {}, False)
        }
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def read_log(self) -> list[dict[str, Any]]:
        if not self.log.is_file():
            return []
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]

    def truncate_log(self, step: int) -> None:
        """Forget what happened after a step: a resumed run will do it again."""
        kept = [line for line in self.read_log() if line["step"] <= step and line["kind"] != "end"]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        write_whole(self.log, text.encode())
