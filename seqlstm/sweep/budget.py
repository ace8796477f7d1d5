"""The hidden size at which a model has as many parameters as another."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from functools import cache

import torch

from seqlstm.config import Recipe
from seqlstm.errors import Mistake, RecipeError
from seqlstm.recipe.build import build_model

LARGEST = 2**16
NEAR = 64  # so many sizes in a row may be refused, as those that the heads do not divide are
TOLERANCE = 0.1  # of the budget

Sized = tuple[Recipe, int]
"""A recipe, and the parameters of its model."""


def fit(recipe: Recipe, *, vocabulary: int, budget: int) -> Sized:
    """The recipe at the hidden size whose parameters come nearest to the budget, and their number.

    A model that takes no hidden size but its width gets both.

    Args:
        recipe: any hidden size of its own is ignored.
        vocabulary: pieces of its tokenizer.
        budget: parameters.

    Raises:
        RecipeError: no size comes within a tenth of the budget, or none can be built.
    """
    built = cache(lambda hidden: build(recipe, hidden, vocabulary))

    def next_parameters(hidden: int) -> int:
        found = first(map(built, range(hidden, hidden + NEAR)))
        return found[1] if found else budget

    reached = bisect_left(range(1, LARGEST), budget, key=next_parameters) + 1
    above = first(map(built, range(reached, reached + NEAR)))
    below = first(map(built, range(reached - 1, max(0, reached - NEAR), -1)))
    sizes = [sized for sized in (below, above) if sized]
    if not sizes:
        count_parameters(recipe, vocabulary)  # says why no size can be built
        raise RecipeError("the model", [Mistake("budget", "no hidden size can be built")])
    found = min(sizes, key=lambda sized: abs(sized[1] - budget))
    if abs(found[1] - budget) > TOLERANCE * budget:
        nearest = f"hidden {found[0].model.hidden:,} has {found[1]:,} parameters"
        problem = f"no hidden size comes within {TOLERANCE:.0%} of {budget:,}"
        raise RecipeError("the model", [Mistake("budget", problem, nearest)])
    return found


def first(sizes: Iterable[Sized | None]) -> Sized | None:
    return next(filter(None, sizes), None)


def build(recipe: Recipe, hidden: int, vocabulary: int) -> Sized | None:
    """The recipe at a hidden size; None if its model refuses that size."""
    for sizes in ({"hidden": hidden}, {"hidden": hidden, "width": hidden}):
        sized = recipe.model_copy(update={"model": recipe.model.model_copy(update=sizes)})
        try:
            return sized, count_parameters(sized, vocabulary)
        except RecipeError:
            continue
    return None


def count_parameters(recipe: Recipe, vocabulary: int) -> int:
    """Of a recipe's model, which is built without memory for them.

    Raises:
        RecipeError: it cannot be built.
    """
    with torch.device("meta"):
        model = build_model(recipe, vocabulary)
    return sum(parameter.numel() for parameter in model.parameters())
