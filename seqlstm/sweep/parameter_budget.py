"""The hidden size at which a model has as many parameters as another."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from functools import cache

import torch

from seqlstm.config import Recipe
from seqlstm.errors import Mistake, RecipeError
from seqlstm.recipe.build.model import build_model
from seqlstm.recurrent.catalogue import BLOCKS
from seqlstm.text.tokenizer_pair import VocabularySizes

LARGEST = 2**16
NEAR = 64  # so many sizes in a row may be refused, as those that the heads do not divide are
TOLERANCE = 0.1  # of the budget

Sized = tuple[Recipe, int]
"""A recipe, and the parameters of its model."""


def fit(recipe: Recipe, *, vocabularies: VocabularySizes, budget: int) -> Sized:
    """The recipe at the hidden size whose parameters come nearest to the budget, and their number.

    Residual blocks are as wide as their hidden size, so that both are found.

    Args:
        recipe: any hidden size of its own is ignored.
        vocabularies: pieces of its tokenizers.
        budget: parameters.

    Raises:
        RecipeError: no size comes within a tenth of the budget, none can be built, or all have the
            same number of parameters.
    """
    built = cache(lambda hidden: build(recipe, hidden, vocabularies))

    def next_parameters(hidden: int) -> int:
        found = first(map(built, range(hidden, hidden + NEAR)))
        return found[1] if found else budget

    reached = bisect_left(range(1, LARGEST), budget, key=next_parameters) + 1
    above = first(map(built, range(reached, reached + NEAR)))
    below = first(map(built, range(reached - 1, max(0, reached - NEAR), -1)))
    sizes = [sized for sized in (below, above) if sized]
    found = min(sizes, key=lambda sized: abs(sized[1] - budget), default=None)
    near = found and abs(found[1] - budget) <= TOLERANCE * budget
    if not above and not near:
        count_parameters(at_size(recipe, reached), vocabularies)  # raises, and says why
    assert found is not None
    hidden = found[0].model.hidden_size
    assert isinstance(hidden, int)  # as `at_size` set it
    if next_parameters(2 * hidden) == found[1]:
        problem = "cannot take effect: model.hidden_size changes no part of the model"
        raise RecipeError("the model", [Mistake("budget", problem)])
    if not near:
        nearest = f"hidden_size {hidden:,} has {found[1]:,} parameters"
        problem = f"no hidden size comes within {TOLERANCE:.0%} of {budget:,}"
        raise RecipeError("the model", [Mistake("budget", problem, nearest)])
    return found


def first(sizes: Iterable[Sized | None]) -> Sized | None:
    return next(filter(None, sizes), None)


def build(recipe: Recipe, hidden: int, vocabularies: VocabularySizes) -> Sized | None:
    """The recipe at a hidden size; None if its model refuses that size."""
    sized = at_size(recipe, hidden)
    try:
        return sized, count_parameters(sized, vocabularies)
    except RecipeError:
        return None


def at_size(recipe: Recipe, hidden: int) -> Recipe:
    """The recipe at a hidden size, and for blocks at that width."""
    blocks = recipe.model.cell["kind"] in BLOCKS
    sizes = {"hidden_size": hidden, "embedding_dim": hidden} if blocks else {"hidden_size": hidden}
    return recipe.model_copy(update={"model": recipe.model.model_copy(update=sizes)})


def count_parameters(recipe: Recipe, vocabularies: VocabularySizes) -> int:
    """Of a recipe's model, which is built without memory for them.

    Raises:
        RecipeError: it cannot be built.
    """
    with torch.device("meta"):
        model = build_model(recipe, vocabularies)
    return sum(parameter.numel() for parameter in model.parameters())
