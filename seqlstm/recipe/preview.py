"""A preview of a run: the resolved recipe, the model's size, its backends and the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqlstm.recipe.build.model import build_model, choose_backends, parameters_by_part
from seqlstm.recipe.corpus import read_corpus
from seqlstm.recipe.memory_estimate import byte_text, check_machine, refuse_large
from seqlstm.recipe.read import read_recipe, resolved_text
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.runtime.device import choose_device, choose_precision
from seqlstm.runtime.memory import memory_limit


@dataclass(frozen=True)
class Preview:
    """The run that a recipe would train.

    Attributes:
        text: the resolved recipe, as TOML.
        parameters: number of parameters by part of the model.
        backends: backend by layer, with the reasons against others.
        tokens: target tokens of an epoch.
        memory: what training needs at least, and what this machine has.
        data: report of the rows that were read and left out.
        warnings: on training rows that are also in a held-out split.
    """

    text: str
    parameters: dict[str, int]
    backends: dict[str, str]
    tokens: int
    memory: str
    data: str
    warnings: list[str]


def preview(name: str, overrides: Sequence[str]) -> Preview:
    """Read a recipe and its data, and build its model.

    Raises:
        RecipeError: with every mistake of the recipe.
        DataError, TokenizerError: the data or the tokenizer cannot be read.
    """
    recipe = read_recipe(name, overrides)
    check_machine(recipe)
    corpora = read_corpus(recipe)
    tokenizers = corpora.tokenizers
    batches = TASKS[recipe.task].make_batches(recipe, corpora)
    memory = refuse_large(recipe, tokenizers.vocab_sizes, batches)
    model = build_model(recipe, tokenizers.vocab_sizes)
    targets = TASKS[recipe.task].targets(corpora.train)
    device = choose_device(recipe.device)
    model.to(device)
    with choose_precision(recipe.precision, device).autocast():
        backends = choose_backends(recipe, model)
    # The end of each target, document or line is a token too.
    return Preview(
        text=resolved_text(recipe),
        parameters=parameters_by_part(model),
        backends=backends,
        tokens=sum(len(ids) + 1 for ids in tokenizers.target.encode_batch(targets)),
        memory=f"{memory} of {byte_text(memory_limit(device))}",
        data="\n".join(corpora.report),
        warnings=corpora.warnings,
    )
