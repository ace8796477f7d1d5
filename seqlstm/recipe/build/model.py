"""From a recipe to its model, and to the backends of the model's layers."""

from __future__ import annotations

from torch import nn

from seqlstm.config import Recipe
from seqlstm.errors import RecipeError
from seqlstm.recipe.build.layers import blamed, refusals
from seqlstm.recipe.tasks.registry import TASKS
from seqlstm.recurrent.connections import HighwayConnection, ResidualConnection
from seqlstm.text.tokenizer_pair import VocabularySizes


def build_model(recipe: Recipe, vocab_sizes: VocabularySizes) -> nn.Module:
    """The untrained model of a recipe.

    Args:
        recipe: any.
        vocab_sizes: of source and target; a language model's are one number twice.

    Raises:
        RecipeError: options that no model can have together, such as heads that do not divide.
    """
    if mistakes := list(refusals(recipe)):
        raise RecipeError("the model", mistakes)
    with blamed("model"):
        model = TASKS[recipe.task].build_model(recipe, vocab_sizes)
        refuse_unused_connection(recipe.model.connection, model)
    return model


def refuse_unused_connection(connection: str, model: nn.Module) -> None:
    """A connection needs a layer whose input and output have one size."""
    kinds = (ResidualConnection, HighwayConnection)
    if connection == "plain" or any(isinstance(part, kinds) for part in model.modules()):
        return
    raise ValueError(
        f'connection = "{connection}" goes round no layer: none is as wide above as below'
    )


def choose_backends(recipe: Recipe, model: nn.Module) -> dict[str, str]:
    """The backend of each layer in training, and why faster ones do not serve.

    Raises:
        RecipeError: the backend that the recipe names cannot serve a layer.
    """
    with blamed("model.backend"):
        return {
            f"{name} {index}": str(choice)
            for name, (stack, call) in TASKS[recipe.task].stacks(recipe, model).items()
            for index, choice in enumerate(stack.choices(call), 1)
        }


def parameters_by_part(model: nn.Module) -> dict[str, int]:
    """How many parameters each part has; a shared one counts where it stands first."""
    counts: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        part = name.split(".")[0]
        counts[part] = counts.get(part, 0) + parameter.numel()
    return counts
