"""A run folder into a model that people can use."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from seqlstm.inference.language import LoadedLanguageModel
from seqlstm.inference.translation import LoadedTranslator
from seqlstm.models.language_model import LanguageModel
from seqlstm.recipe.build import build_model
from seqlstm.recipe.find import read_run_recipe
from seqlstm.run import RunFolder
from seqlstm.training.precision import choose_device, choose_precision
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
    model = build_model(recipe, tokenizers.vocabularies)
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
        longest=recipe.data.longest,
    )
