"""A run's card, `run.json`: what it was trained on and with."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from seqlstm import __version__
from seqlstm.errors import RunError

FORMAT = 2
"""Format 1 had no digests of a run's files; it can still be read."""
PACKAGES = ("torch", "sentencepiece", "datasets", "sacrebleu")
DIGESTS = ("run", "recipe")  # keys that every card has since format 2


class CardTable(BaseModel):
    """Base of the tables of a card: types are not converted; keys of later versions are ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class CardData(CardTable):
    """The data of a run.

    Attributes:
        fingerprints: of the splits.
        notes, warnings: lines on the data and the model.
    """

    fingerprints: dict[str, str]
    notes: list[str]
    warnings: list[str]


class Card(CardTable):
    """The contents of `run.json`.

    Attributes:
        format: of the run folder.
        seqlstm, python, packages: versions.
        machine: system and architecture.
        threads: number of torch's threads.
        data: what the run is trained on.
        tokenizer: fingerprint of the tokenizers.
        tokenize: the tokens that BLEU counts, as sacreBLEU names them.
        origin: folder of the run whose weights were the start.
        origin_weights: what identifies these weights.
        run: digest of the whole recipe with which it began, the data and the tokenizers; all
            weights and checkpoints of the run name it.
        recipe: digests of recipe.toml; two while it is replaced.
        checkpointed: whether a checkpoint has been saved.
        processor: its model.
        device, precision: of training.
        backends: of each layer.
        kernels: whether the C kernels were compiled.
    """

    format: int
    seqlstm: str
    python: str
    packages: dict[str, str]
    machine: str
    threads: int
    data: CardData
    tokenizer: str
    tokenize: str | None = None
    origin: str | None = None
    origin_weights: str | None = None
    run: str | None = None
    recipe: tuple[str, ...] | None = None
    checkpointed: bool = False
    processor: str | None = None
    device: str | None = None
    precision: str | None = None
    backends: dict[str, str] | None = None
    kernels: bool | None = None

    @model_validator(mode="after")
    def check_digests(self) -> Card:
        if self.has_digests and (missing := [key for key in DIGESTS if not getattr(self, key)]):
            raise ValueError(f"{missing[0]} is missing")
        return self

    @property
    def has_digests(self) -> bool:
        """Whether the files of this run carry digests."""
        return self.format > 1


class CardFormat(CardTable):
    """The part of a card that is read first: a newer card may have other keys."""

    format: int = Field(ge=1)


def make_card(**details: Any) -> Card:
    """The card of a run of this version on this machine."""
    return Card(
        **{
            "format": FORMAT,
            "seqlstm": __version__,
            "python": platform.python_version(),
            "packages": {package: version(package) for package in PACKAGES},
            "machine": f"{platform.system()} {platform.machine()}",
            "processor": processor(),
            "threads": torch.get_num_threads(),
            **details,
        }
    )


def card_contents(card: Card) -> bytes:
    """The contents of `run.json`. Notes may name files: what is not Unicode there becomes "?"."""
    table = card.model_dump(mode="json", exclude_none=True)
    return json.dumps(table, indent=2, ensure_ascii=False).encode(errors="replace")


def parse_card(contents: bytes, file: Path) -> Card:
    """The card in the contents of a file.

    Raises:
        RunError: it is damaged, or was written by a newer seqlstm.
    """
    try:
        format = CardFormat.model_validate_json(contents).format
        if format > FORMAT:
            raise RunError(
                f"{file.parent} was written by a newer seqlstm: format {format}, this one reads "
                f"{FORMAT}",
                hint="Upgrade seqlstm.",
            )
        return Card.model_validate_json(contents)
    except ValidationError as error:
        raise RunError(
            f"{file} is damaged: {first_problem(error)}",
            hint="Restore it from a copy, or train again into a new folder.",
        ) from error


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong in the contents of a file, with its key."""
    detail = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(map(str, detail["loc"]))
    return f"{key}: {detail['msg']}" if key else detail["msg"]


def processor() -> str:
    """The model of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
