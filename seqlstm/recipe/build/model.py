"""From a recipe's tables to models, optimizers and schedules."""

from __future__ import annotations

from torch import nn

from seqlstm.config import Recipe
from seqlstm.config.training import (
    TrainingConfig,
)
from seqlstm.errors import RecipeError
from seqlstm.models.language_model import LanguageModel
from seqlstm.models.regularizers import ActivationRegularizer
from seqlstm.models.translator import Translator
from seqlstm.recipe.build.layers import (
    blamed,
    build_embedding,
    build_output_layer,
    build_stack,
    refusals,
)
from seqlstm.recipe.build.translator import build_translator
from seqlstm.recurrent.backends import Call
from seqlstm.recurrent.connections import HighwayConnection, ResidualConnection
from seqlstm.text.tokenizer_pair import VocabularySizes


def build_model(recipe: Recipe, vocabularies: VocabularySizes) -> LanguageModel | Translator:
    """The untrained model of a recipe.

    Args:
        recipe: any.
        vocabularies: of source and target; a language model's is one and the same.

    Raises:
        RecipeError: options that no model can have together, such as heads that divide nothing.
    """
    if mistakes := list(refusals(recipe)):
        raise RecipeError("the model", mistakes)
    build = build_translator if recipe.task == "translation" else build_language_model
    with blamed("model"):
        model = build(recipe, vocabularies)
        refuse_idle_connection(recipe.model.connection, model)
    with blamed("model.backend"):
        backends_by_layer(model, resets=recipe.resets)
    return model


def refuse_idle_connection(connection: str, model: nn.Module) -> None:
    """A connection goes round layers that are as wide above as below; some layer must be."""
    if connection == "plain" or any(
        isinstance(m, (ResidualConnection, HighwayConnection)) for m in model.modules()
    ):
        return
    raise ValueError(
        f'connection = "{connection}" goes round no layer: none is as wide above as below'
    )


def build_language_model(recipe: Recipe, vocabularies: VocabularySizes) -> LanguageModel:
    model, (_, vocabulary) = recipe.model, vocabularies
    smoothing, dropout = recipe.training.label_smoothing, model.dropout
    embedding = build_embedding(model, vocabulary)
    stack = build_stack(
        model,
        input_size=model.embedding_dim,
        hidden_size=model.hidden_size,
        num_layers=model.num_layers,
    )
    return LanguageModel(
        embedding=embedding,
        stack=stack,
        output_layer=build_output_layer(model, stack.output, vocabulary, embedding, smoothing),
        dropout=dropout.output,
        variational=dropout.variational,
        penalty=build_penalty(recipe.training),
    )


def build_penalty(training: TrainingConfig) -> ActivationRegularizer | None:
    return (
        ActivationRegularizer(**training.regularizers.model_dump())
        if training.regularizers
        else None
    )


def parameters_by_part(model: nn.Module) -> dict[str, int]:
    """How many parameters each part has; a shared one counts where it stands first."""
    counts: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        part = name.split(".")[0]
        counts[part] = counts.get(part, 0) + parameter.numel()
    return counts


def backends_by_layer(model: LanguageModel | Translator, *, resets: bool = False) -> dict[str, str]:
    """Which backend serves each layer in training, and why the faster ones refuse."""
    if isinstance(model, LanguageModel):
        stacks = {"stack": (model.stack, Call(resets=resets, last=True))}
    else:
        bridged = model.decoder.bridge is not None
        call = Call(lengths=True, last=bridged)
        stacks = {"encoder": (model.encoder, call), **model.decoder.stacks()}
    return {
        f"{name} {index}": str(choice)
        for name, (stack, call) in stacks.items()
        for index, choice in enumerate(stack.choices(call), 1)
    }
