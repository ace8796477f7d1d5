"""The hidden size at which a model has a given number of parameters."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from functools import cache

from seqlstm.config import Recipe
from seqlstm.errors import Mistake, RecipeError
from seqlstm.recipe.memory_estimate import build_on_meta
from seqlstm.recurrent.catalogue import BLOCKS
from seqlstm.text.tokenizer_pair import VocabularySizes

MAX_HIDDEN = 2**16
NEAR = 64  # sizes in a row that a model may refuse, for example if its heads do not divide them
TOLERANCE = 0.1  # relative to the budget

Sized = tuple[Recipe, int]
"""A recipe, and the number of parameters of its model."""


def fit(recipe: Recipe, *, vocabularies: VocabularySizes, budget: int) -> Sized:
    """The recipe with the hidden size nearest to a parameter budget, and its parameters.

    For residual blocks the embedding size is set too: it must equal the hidden size.

    Args:
        recipe: its own hidden size is ignored.
        vocabularies: sizes of its tokenizers.
        budget: number of parameters.

    Raises:
        RecipeError: no size is within a tenth of the budget, no model can be built, or the hidden
            size changes nothing.
    """
    built = cache(lambda hidden: build(recipe, hidden, vocabularies))

    def next_parameters(hidden: int) -> int:
        sized = first(map(built, range(hidden, hidden + NEAR)))
        return sized[1] if sized else budget

    reached = bisect_left(range(1, MAX_HIDDEN), budget, key=next_parameters) + 1
    above = first(map(built, range(reached, reached + NEAR)))
    below = first(map(built, range(reached - 1, max(0, reached - NEAR), -1)))
    sizes = [sized for sized in (below, above) if sized]
    best = min(sizes, key=lambda sized: abs(sized[1] - budget), default=None)
    near = best and abs(best[1] - budget) <= TOLERANCE * budget
    if not above and not near:
        count_parameters(at_size(recipe, reached), vocabularies)  # raises the reason
    assert best is not None
    hidden = best[0].model.hidden_size
    assert isinstance(hidden, int)  # set by `at_size`
    if next_parameters(2 * hidden) == best[1]:
        problem = "cannot take effect: model.hidden_size changes no part of the model"
        raise RecipeError("the model", [Mistake("budget", problem)])
    if not near:
        nearest = f"hidden_size {hidden:,} has {best[1]:,} parameters"
        problem = f"no hidden size comes within {TOLERANCE:.0%} of {budget:,}"
        raise RecipeError("the model", [Mistake("budget", problem, nearest)])
    return best


def first(sizes: Iterable[Sized | None]) -> Sized | None:
    return next(filter(None, sizes), None)


def build(recipe: Recipe, hidden: int, vocabularies: VocabularySizes) -> Sized | None:
    """The recipe with a hidden size; None if its model cannot have that size."""
    sized = at_size(recipe, hidden)
    try:
        return sized, count_parameters(sized, vocabularies)
    except RecipeError:
        return None


def at_size(recipe: Recipe, hidden: int) -> Recipe:
    """The recipe with a hidden size, and for blocks with the same embedding size."""
    blocks = recipe.model.cell["kind"] in BLOCKS
    sizes = {"hidden_size": hidden, "embedding_dim": hidden} if blocks else {"hidden_size": hidden}
    return recipe.model_copy(update={"model": recipe.model.model_copy(update=sizes)})


def count_parameters(recipe: Recipe, vocabularies: VocabularySizes) -> int:
    """The number of parameters of a recipe's model, built on the meta device.

    Raises:
        RecipeError: the model cannot be built.
    """
    model = build_on_meta(recipe, vocabularies)
    return sum(parameter.numel() for parameter in model.parameters())
