"""From a recipe's table of the model to parts of either model, and what these refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from seqlstm.config import Recipe
from seqlstm.config.model import AdaptiveSoftmaxConfig, MixtureOfSoftmaxesConfig, ModelConfig
from seqlstm.errors import Mistake, RecipeError
from seqlstm.models.embedding import TokenEmbedding
from seqlstm.models.output.adaptive_softmax import AdaptiveSoftmax
from seqlstm.models.output.mixture_of_softmaxes import MixtureOfSoftmaxes
from seqlstm.models.output.softmax import OutputLayer
from seqlstm.recurrent.catalogue import BLOCKS, CELLS
from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.cells.zoneout import zoneout
from seqlstm.recurrent.layer import Layer, recurrent_parameter_name
from seqlstm.recurrent.stack import BlockStack, Stack


@contextmanager
def blamed(key: str) -> Iterator[None]:
    """What goes wrong inside is a mistake at this key of the recipe."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise RecipeError("the model", [Mistake(key, str(error))]) from error


def refusals(recipe: Recipe) -> Iterator[Mistake]:
    """What no model can have together with its cell, whatever the sizes."""
    kind = recipe.model.cell["kind"]
    if kind in BLOCKS:
        yield from block_refusals(recipe, kind)
    elif needs := getattr(CELLS[kind], "required_input", ""):
        yield Mistake("model.cell", f"{kind} needs {needs}")


def block_refusals(recipe: Recipe, kind: str) -> Iterator[Mistake]:
    """What cannot be had together with residual blocks."""
    model = recipe.model
    if isinstance(model.hidden_size, tuple):
        yield Mistake(
            "model.hidden_size", f"must be one size: {kind}'s blocks are as wide above as below"
        )
    elif model.embedding_dim != model.hidden_size:
        sizes = f"were: {model.embedding_dim} and {model.hidden_size}"
        problem = f"must equal hidden_size, since {kind}'s blocks are residual, {sizes}"
        yield Mistake("model.embedding_dim", problem)
    if model.connection != "plain":
        yield Mistake("model.connection", f"must be plain: {kind}'s blocks are residual already")
    if model.dropout.weight_drop:
        yield Mistake(
            "model.dropout.weight_drop",
            f"cannot take effect with {kind}: an mlstm block has no recurrent matrix to drop from",
        )
    if model.zoneout.hidden or model.zoneout.memory:
        yield Mistake(
            "model.zoneout",
            f"cannot take effect with {kind}: a block's state is more than units that could stay, "
            "an mlstm block's has no h at all",
        )


def build_embedding(model: ModelConfig, vocabulary: int) -> TokenEmbedding:
    return TokenEmbedding(
        vocabulary,
        model.embedding_dim,
        word_dropout=model.dropout.word,
        dropout=model.dropout.embedding,
        variational=model.dropout.variational,
    )


def build_output_layer(
    model: ModelConfig, width: int, vocabulary: int, embedding: TokenEmbedding
) -> OutputLayer:
    tied = embedding.table if model.tie_embeddings else None
    with blamed("model.output"):
        match model.output:
            case AdaptiveSoftmaxConfig(cutoffs=cutoffs):
                return AdaptiveSoftmax(width, vocabulary, cutoffs=cutoffs, tied_embedding=tied)
            case MixtureOfSoftmaxesConfig(num_experts=experts):
                return MixtureOfSoftmaxes(
                    width, vocabulary, num_experts=experts, tied_embedding=tied
                )
            case _:
                return OutputLayer(width, vocabulary, tied_embedding=tied)


def build_stack(model: ModelConfig, **sizes: Any) -> Stack | BlockStack:
    """Layers of the recipe's cell, or of its blocks."""
    common: dict[str, Any] = {
        "dropout": model.dropout.inter_layer,
        "variational": model.dropout.variational,
    }
    if model.cell["kind"] in BLOCKS:
        return BlockStack(
            build_block(model),
            input_size=sizes["input_size"],
            num_layers=sizes["num_layers"],
            **common,
        )
    return Stack(
        build_cell(model),
        connection=model.connection,
        weight_drop=model.dropout.weight_drop,
        backend=model.backend,
        **common,
        **sizes,
    )


def build_block(model: ModelConfig) -> Callable[[int], Layer]:
    """From a block's number, counted from 0, to the block with the recipe's options."""
    kind, options = kind_and_options(model)

    def make(index: int) -> Layer:
        with blamed("model.cell"):
            return BLOCKS[kind](index, model.embedding_dim, model.backend, **options)

    return make


def build_cell(model: ModelConfig) -> Callable[[int, int], Cell]:
    """From an input width and a hidden size to a cell with the recipe's options and zoneout."""
    kind, options = kind_and_options(model)

    def make(width: int, hidden: int) -> Cell:
        with blamed("model.cell"):
            cell = CELLS[kind](width, hidden, **options)
        if model.dropout.weight_drop:
            with blamed("model.dropout.weight_drop"):
                recurrent_parameter_name(cell)
        with blamed("model.zoneout"):
            return zoneout(cell, **model.zoneout.model_dump())

    return make


def kind_and_options(model: ModelConfig) -> tuple[str, dict[str, Any]]:
    options = dict(model.cell)
    return options.pop("kind"), options
