"""What a recipe would train, without training it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqlstm.recipe.build.model import build_model, choose_backends, parameters_by_part
from seqlstm.recipe.corpus import read_corpus
from seqlstm.recipe.read import read_recipe, resolved_text
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.runtime.device import choose_device, choose_precision


@dataclass(frozen=True)
class Preview:
    """A recipe's consequences.

    Attributes:
        text: the recipe resolved, as TOML.
        parameters: by part of the model.
        backends: by layer, with the reasons of those that refuse.
        tokens: target tokens an epoch.
        data: what was read and dropped.
        warnings: of training rows that are held out too.
    """

    text: str
    parameters: dict[str, int]
    backends: dict[str, str]
    tokens: int
    data: str
    warnings: list[str]


def preview(name: str, overrides: Sequence[str]) -> Preview:
    """Read a recipe and its data.

    Raises:
        RecipeError: with every mistake.
        DataError, TokenizerError: from its data and tokenizer.
    """
    recipe = read_recipe(name, overrides)
    corpora = read_corpus(recipe)
    tokenizers = corpora.tokenizers
    model = build_model(recipe, tokenizers.vocab_sizes)
    targets = TASKS[recipe.task].targets(corpora.train)
    device = choose_device(recipe.device)
    model.to(device)
    with choose_precision(recipe.precision, device).autocast():
        backends = choose_backends(recipe, model)
    # Each target's end, each document's </s>, each line's newline is a token too.
    return Preview(
        text=resolved_text(recipe),
        parameters=parameters_by_part(model),
        backends=backends,
        tokens=sum(len(ids) + 1 for ids in tokenizers.target.encode_batch(targets)),
        data="\n".join(corpora.report),
        warnings=corpora.warnings,
    )
