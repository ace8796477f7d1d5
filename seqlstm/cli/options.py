"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seqlstm.inference.language_model import LoadedLanguageModel
    from seqlstm.inference.translator import LoadedTranslator
    from seqlstm.recipe.load import Loaded


class WeightsChoice(StrEnum):
    best = "best"
    last = "last"


class PrecisionChoice(StrEnum):
    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


def complete_recipe(incomplete: str) -> list[str]:
    from seqlstm.recipe.shipped import recipe_paths

    return [name for name in recipe_paths() if name.startswith(incomplete)]


Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, written by `train`.")]
Recipe = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="The name of a recipe (see `seqlstm recipes`), or a recipe file.",
        autocompletion=complete_recipe,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...",
        help="Recipe keys to set, dotted, with TOML values: `training.steps=200`, "
        "`'model.cell={kind=\"gru\"}'`. An empty value removes a key.",
    ),
]
WhichWeights = Annotated[
    WeightsChoice,
    typer.Option("--weights", help="The best weights by the recipe's metric, or the last."),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace files that exist, without a question."),
]
Batch = Annotated[
    int | None, typer.Option(min=1, help="Sentences in a batch, for a translator: 64.")
]
Streams = Annotated[
    int | None,
    typer.Option(
        min=1, help="Split the text into N parts, read in parallel: faster, but less context."
    ),
]
EnsembleRuns = Annotated[
    list[Path] | None,
    typer.Option(
        "--with",
        metavar="RUN",
        help="Another run for an ensemble, which averages probabilities. Repeatable.",
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")]
WhichPrecision = Annotated[
    PrecisionChoice,
    typer.Option("--precision", help="Of matrix products; auto: bfloat16 where native."),
]


def load_translators(run: Path, others: Sequence[Path], **options: str) -> LoadedTranslator:
    """The translator of a run folder, or the ensemble of it with others."""
    from seqlstm.recipe.load import load_ensemble

    prepare_process()
    return load_ensemble(run, others, **options)


def load_language_model(run: Path, **options: str) -> LoadedLanguageModel:
    """The language model of a run folder."""
    from seqlstm.recipe import load

    prepare_process()
    return load.load_language_model(run, **options)


def load_any(run: Path, **options: str) -> Loaded:
    """The model of a run folder."""
    from seqlstm.recipe.load import load

    prepare_process()
    return load(run, **options)


def prepare_process() -> None:
    """Tune this process's memory allocator for models."""
    from seqlstm.runtime.memory import tune_allocator

    tune_allocator()
