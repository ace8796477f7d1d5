"""Builder of a recipe's model; its backends and parameters."""

from __future__ import annotations

from torch import nn

from seqlstm.config import Recipe
from seqlstm.errors import RecipeError
from seqlstm.recipe.build.layers import cell_mistakes, mistakes_at
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.recurrent.connections import HighwayConnection, ResidualConnection
from seqlstm.text.tokenizer_pair import VocabularySizes


def build_model(recipe: Recipe, vocab_sizes: VocabularySizes) -> nn.Module:
    """The untrained model of a recipe.

    Args:
        recipe: the recipe.
        vocab_sizes: of source and target; for a language model the same number twice.

    Raises:
        RecipeError: options that contradict each other, such as heads that do not divide the size.
    """
    if mistakes := list(cell_mistakes(recipe)):
        raise RecipeError("the model", mistakes)
    with mistakes_at("model"):
        model = TASKS[recipe.task].build_model(recipe, vocab_sizes)
        check_connection(recipe.model.connection, model)
    return model


def check_connection(connection: str, model: nn.Module) -> None:
    """Check that the recipe's connection is used.

    Raises:
        ValueError: no layer has inputs and outputs of one size.
    """
    kinds = (ResidualConnection, HighwayConnection)
    if connection == "plain" or any(isinstance(module, kinds) for module in model.modules()):
        return
    raise ValueError(
        f'connection = "{connection}" goes round no layer: none is as wide above as below'
    )


def choose_backends(recipe: Recipe, model: nn.Module) -> dict[str, str]:
    """The backend of each layer in training, with the reasons against faster ones.

    Raises:
        RecipeError: the recipe's backend does not support a layer.
    """
    with mistakes_at("model.backend"):
        return {
            f"{name} {index}": str(choice)
            for name, (stack, call) in TASKS[recipe.task].stacks(recipe, model).items()
            for index, choice in enumerate(stack.choices(call), 1)
        }


def parameters_by_part(model: nn.Module) -> dict[str, int]:
    """The number of parameters of each part; a shared one counts for the first part only."""
    counts: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        part = name.split(".")[0]
        counts[part] = counts.get(part, 0) + parameter.numel()
    return counts
