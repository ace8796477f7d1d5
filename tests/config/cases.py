"""Small recipes and their catalogue."""

from __future__ import annotations

from typing import Any

import pytest

from seqlstm.config import Catalogue, Recipe, parse, read_overrides
from seqlstm.data.builtin.synthetic_tasks import SYNTHETIC_TASKS
from seqlstm.errors import Mistake, RecipeError
from seqlstm.models.attention import ATTENTIONS
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.recurrent.catalogue import CELLS

CATALOGUE: Catalogue = {
    "task": TASKS,
    "cell": CELLS,
    "attention": ATTENTIONS,
    "source": SYNTHETIC_TASKS,
}

TABLES: dict[str, dict[str, Any]] = {
    "translation": {
        "task": "translation",
        "data": {"source": "my/pairs", "pair": ["en", "de"], "batching": {"kind": "tokens"}},
        "training": {"steps": 10},
    },
    "language-model": {
        "task": "language-model",
        "data": {"source": "my/text", "text": "text", "batching": {"kind": "stream"}},
        "training": {"steps": 10},
    },
}


def recipe(task: str, *overrides: str) -> Recipe:
    """The smallest recipe of a task, with overrides."""
    table = read_overrides(TABLES[task], overrides)
    return parse(table, where="recipe", catalogue=CATALOGUE)


def mistakes(task: str, *overrides: str) -> list[Mistake]:
    """The mistakes of a recipe that is refused."""
    with pytest.raises(RecipeError) as caught:
        recipe(task, *overrides)
    return list(caught.value.mistakes)
