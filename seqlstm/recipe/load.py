"""A run folder into a model that people can use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from seqlstm.errors import ArgumentError
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.models.language_model import LanguageModel
from seqlstm.recipe.build.model import build_model
from seqlstm.recipe.read import read_run_recipe
from seqlstm.run.folder import RunFolder
from seqlstm.runtime.device import choose_device, choose_precision
from seqlstm.training.weights import set_weights

Loaded = LoadedTranslator | LoadedLanguageModel


def load(
    path: str | Path,
    *,
    weights: Literal["best", "last"] = "best",
    device: str = "auto",
    precision: Literal["auto", "float32", "bfloat16"] = "float32",
) -> Loaded:
    """The trained model of a run folder.

    A translator has `translate(lines)` and `score(pairs)`; a language model `generate(prompt)`,
    `session()` and `score(lines)`.

    Args:
        path: the run folder.
        weights: the best by the recipe's metric, or those of the last checkpoint.
        device: "auto", "cpu", "cuda" or "cuda:1".
        precision: of the products; "auto" is bfloat16 where the machine computes it.

    Raises:
        RunError: there is no run, a newer seqlstm wrote it, or a file is missing or damaged.
    """
    folder = RunFolder.open(Path(path))
    recipe = read_run_recipe(folder)
    tokenizers = folder.read_tokenizers()
    model = build_model(recipe, tokenizers.vocab_sizes)
    set_weights(model, folder.read_weights(weights))
    where = choose_device(device)
    model.to(where)
    chosen = choose_precision(precision, where)
    if isinstance(model, LanguageModel):
        return LoadedLanguageModel(
            model, tokenizers.target, precision=chosen, unit=recipe.data.unit
        )
    return LoadedTranslator(
        model,
        tokenizers,
        precision=chosen,
        **recipe.decoding.model_dump(),
        longest=recipe.data.max_length,
    )


def load_translator(path: str | Path, **options: Any) -> LoadedTranslator:
    """The translator of a run folder.

    Args:
        path: the run folder.
        options: as `load` takes them.

    Raises:
        ArgumentError: the run is a language model.
    """
    loaded = load(path, **options)
    if not isinstance(loaded, LoadedTranslator):
        raise ArgumentError(
            f"{path} is a language model; this needs a translator", hint="Try `seqlstm generate`."
        )
    return loaded


def load_language_model(path: str | Path, **options: Any) -> LoadedLanguageModel:
    """The language model of a run folder.

    Args:
        path: the run folder.
        options: as `load` takes them.

    Raises:
        ArgumentError: the run is a translator.
    """
    loaded = load(path, **options)
    if not isinstance(loaded, LoadedLanguageModel):
        raise ArgumentError(
            f"{path} is a translator; this needs a language model", hint="Try `seqlstm translate`."
        )
    return loaded


def load_together(
    path: str | Path, others: Sequence[str | Path], **options: Any
) -> LoadedTranslator:
    """The translator of a run, or the ensemble of it with others.

    Args:
        path: the run folder.
        others: those of the others.
        options: as `load` takes them.

    Raises:
        ArgumentError: a run is a language model, or has another tokenizer.
    """
    loaded = load_translator(path, **options)
    for one in others:
        other = load_translator(one, **options)
        try:
            loaded = loaded.together(other)
        except ArgumentError as error:
            raise ArgumentError(f"{path} with {one}: {error.message}", hint=error.hint) from error
    return loaded
