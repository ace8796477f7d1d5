"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqlstm.errors import ArgumentError

if TYPE_CHECKING:
    from seqlstm.inference.language import LoadedLanguageModel
    from seqlstm.inference.translation import LoadedTranslator
    from seqlstm.recipe.load import Loaded


class Weights(StrEnum):
    best = "best"
    last = "last"


class Precision(StrEnum):
    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


def complete_recipe(incomplete: str) -> list[str]:
    from seqlstm.recipe.find import recipe_paths

    return [name for name in recipe_paths() if name.startswith(incomplete)]


Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, as `train` wrote it.")]
Recipe = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="A recipe's name (see `seqlstm recipes`) or a file of your own.",
        autocompletion=complete_recipe,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...",
        help="Keys to set, dotted, with TOML values: `training.steps=200`, "
        "`'model.cell={kind=\"gru\"}'`. An empty value takes a key away.",
    ),
]
WhichWeights = Annotated[
    Weights, typer.Option("--weights", help="The best by the recipe's metric, or the last.")
]
Batch = Annotated[
    int | None, typer.Option(min=1, help="Sentences that a translator reads at once: 64.")
]
Streams = Annotated[
    int | None,
    typer.Option(min=1, help="Parts of a text read side by side: faster, each without a past."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")]
WhichPrecision = Annotated[
    Precision, typer.Option("--precision", help="Of the products; auto: bfloat16 where native.")
]


def load_translator(run: Path, **options: str) -> LoadedTranslator:
    """The translator of a run folder.

    Raises:
        ArgumentError: the run is a language model.
    """
    loaded = load_any(run, **options)
    if loaded.task != "translation":
        raise ArgumentError(
            f"{run} is a language model; this needs a translator", hint="Try `seqlstm generate`."
        )
    return loaded  # type: ignore[return-value]


def load_language_model(run: Path, **options: str) -> LoadedLanguageModel:
    """The language model of a run folder.

    Raises:
        ArgumentError: the run is a translator.
    """
    loaded = load_any(run, **options)
    if loaded.task != "language-model":
        raise ArgumentError(
            f"{run} is a translator; this needs a language model", hint="Try `seqlstm translate`."
        )
    return loaded  # type: ignore[return-value]


def load_any(run: Path, **options: str) -> Loaded:
    from seqlstm.recipe.load import load
    from seqlstm.training.precision import keep_memory

    keep_memory()
    return load(run, **options)  # type: ignore[arg-type]
