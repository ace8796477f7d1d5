"""Reading of recipes, by name, by path or from a run folder."""

from __future__ import annotations

from collections.abc import Sequence

from seqlstm.config import Catalogue, Recipe, parse, read_table
from seqlstm.data.builtin.synthetic_tasks import SYNTHETIC_TASKS
from seqlstm.errors import ArgumentError
from seqlstm.evaluation.tokenization import AUTO, TOKENIZATIONS
from seqlstm.models.attention import ATTENTIONS
from seqlstm.recipe.changes import recipe_digest
from seqlstm.recipe.shipped import find_shipped, recipe_paths, refuse_sweep
from seqlstm.recipe.source import parse_with_source
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.recurrent.backends import BACKENDS
from seqlstm.recurrent.catalogue import BLOCKS, CELLS
from seqlstm.run.folder import RunFolder

CATALOGUE: Catalogue = {
    "cell": {**CELLS, **BLOCKS},
    "attention": ATTENTIONS,
    "backend": BACKENDS,
    "source": SYNTHETIC_TASKS,
    "task": TASKS,
    "tokenization": dict.fromkeys(TOKENIZATIONS),
}


def read_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe by name or path, with overrides.

    Raises:
        RecipeError: with every mistake of the recipe.
        ArgumentError: there is no such recipe.
    """
    table = read_table(find_shipped(name, what="recipe", known=recipe_paths))
    refuse_sweep(name, table)
    return parse_with_source(table, overrides, where=name, catalogue=CATALOGUE)


def read_run_recipe(folder: RunFolder) -> Recipe:
    """The resolved recipe of a run.

    Raises:
        RecipeError: the file was changed and has mistakes.
        RunError: the file is not the run's.
    """
    table = read_table(folder.recipe)
    folder.check_recipe(recipe_digest(table))
    return parse(table, where=str(folder.recipe), catalogue=CATALOGUE)


def with_recorded_tokens(recipe: Recipe, tokenize: str | None) -> Recipe:
    """The recipe of a run, with the tokens of BLEU that were chosen when its training began.

    Args:
        recipe: the run's.
        tokenize: the entry of the run's card; None in older ones.
    """
    if recipe.evaluation.tokenize != AUTO or tokenize not in TOKENIZATIONS:
        return recipe
    evaluation = recipe.evaluation.model_copy(update={"tokenize": tokenize})
    return recipe.model_copy(update={"evaluation": evaluation})


def encode_path_text(text: str, what: str) -> bytes:
    """The UTF-8 of a text with paths.

    Args:
        text: such as a path, or a recipe.
        what: its name in errors.

    Raises:
        ArgumentError: a path is not UTF-8.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        start = max(text.rfind("\n", 0, error.start) + 1, error.start - 40)
        shown = text[start : error.end].encode(errors="backslashreplace").decode()
        raise ArgumentError(
            f"{what}: the path is not UTF-8: {shown}", hint="Rename the file or folder."
        ) from error


def resolved_text(recipe: Recipe) -> str:
    """The recipe as TOML, defaults included, without the keys that its task does not use."""
    return recipe.text(unused_keys=TASKS[recipe.task].unused_keys)
