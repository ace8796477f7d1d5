"""Loading of trained models from run folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from seqlstm.errors import ArgumentError
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.recipe.build.model import build_model, choose_backends
from seqlstm.recipe.read import read_run_recipe
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.run.folder import RunFolder
from seqlstm.runtime.device import choose_device, choose_precision
from seqlstm.training.weights import set_weights

Loaded = LoadedTranslator | LoadedLanguageModel


def load(
    path: str | Path,
    *,
    weights: str = "best",
    device: str = "auto",
    precision: str = "float32",
) -> Loaded:
    """The trained model of a run folder.

    A translator has `translate(lines)` and `score(pairs)`; a language model `generate(prompt)`,
    `session()` and `score(lines)`.

    Args:
        path: the run folder.
        weights: "best" by the recipe's metric, or "last" of training.
        device: "auto", "cpu", "cuda" or "cuda:1".
        precision: of matrix products: "float32", "bfloat16", or "auto", which is bfloat16 if the
            machine computes it natively.

    Raises:
        RunError: there is no run, it is of a newer seqlstm, or a file is missing or damaged.
    """
    folder = RunFolder.open(Path(path))
    recipe = read_run_recipe(folder)
    tokenizers = folder.read_tokenizers()
    model = build_model(recipe, tokenizers.vocab_sizes)
    choose_backends(recipe, model)
    set_weights(model, folder.read_weights(weights))
    torch_device = choose_device(device)
    model.to(torch_device)
    loaded = TASKS[recipe.task].load(
        recipe, model, tokenizers, choose_precision(precision, torch_device)
    )
    return cast(Loaded, loaded)


def load_translator(path: str | Path, **options: Any) -> LoadedTranslator:
    """The translator of a run folder.

    Args:
        path: the run folder.
        options: as for `load`.

    Raises:
        ArgumentError: the run is not a translator.
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
        options: as for `load`.

    Raises:
        ArgumentError: the run is not a language model.
    """
    loaded = load(path, **options)
    if not isinstance(loaded, LoadedLanguageModel):
        raise ArgumentError(
            f"{path} is a translator; this needs a language model", hint="Try `seqlstm translate`."
        )
    return loaded


def load_ensemble(
    path: str | Path, others: Sequence[str | Path], **options: Any
) -> LoadedTranslator:
    """The ensemble of the translators of several runs; with a single run, its translator.

    Args:
        path: the run folder.
        others: run folders of the other translators.
        options: as for `load`.

    Raises:
        ArgumentError: a run is not a translator, or has another tokenizer.
    """
    loaded = load_translator(path, **options)
    for folder in others:
        other = load_translator(folder, **options)
        try:
            loaded = loaded.ensemble_with(other)
        except ArgumentError as error:
            message = f"{path} with {folder}: {error.message}"
            raise ArgumentError(message, hint=error.hint) from error
    return loaded
