"""Reading a recipe: from its name or a run folder to checked sections."""

from __future__ import annotations

from collections.abc import Sequence

from seqlstm.config import Catalogue, Recipe, parse, read_overrides, read_table
from seqlstm.data.builtin.synthetic_tasks import SYNTHETIC_TASKS
from seqlstm.models.attention import ATTENTIONS
from seqlstm.recipe.shipped import find_recipe
from seqlstm.recurrent.backends import BACKENDS
from seqlstm.recurrent.catalogue import BLOCKS, CELLS
from seqlstm.run.folder import RunFolder

CATALOGUE: Catalogue = {
    "cell": {**CELLS, **BLOCKS},
    "attention": ATTENTIONS,
    "backend": BACKENDS,
    "source": SYNTHETIC_TASKS,
}


def read_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe by name or path, with overrides.

    Raises:
        RecipeError: with every mistake.
        ArgumentError: there is no such recipe.
    """
    path = find_recipe(name)
    table = read_overrides(read_table(path), overrides)
    return parse(table, where=name, catalogue=CATALOGUE)


def read_run_recipe(folder: RunFolder) -> Recipe:
    """The resolved recipe of a run.

    Raises:
        RecipeError: somebody has changed it for the worse.
    """
    return parse(read_table(folder.recipe), where=str(folder.recipe), catalogue=CATALOGUE)
