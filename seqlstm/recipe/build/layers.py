"""Builders of the parts that language models and translators share, and checks of their options."""

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
def mistakes_at(key: str) -> Iterator[None]:
    """Report errors that are raised inside as mistakes at this key of the recipe."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise RecipeError("the model", [Mistake(key, str(error))]) from error


def cell_mistakes(recipe: Recipe) -> Iterator[Mistake]:
    """Mistakes of a recipe's cell that no sizes can mend."""
    kind = recipe.model.cell["kind"]
    if kind in BLOCKS:
        yield from block_mistakes(recipe, kind)
    elif required_input := getattr(CELLS[kind], "required_input", ""):
        yield Mistake("model.cell", f"{kind} needs {required_input}")


def block_mistakes(recipe: Recipe, kind: str) -> Iterator[Mistake]:
    """Keys that contradict residual blocks."""
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


def build_embedding(model: ModelConfig, vocab_size: int) -> TokenEmbedding:
    return TokenEmbedding(
        vocab_size,
        model.embedding_dim,
        word_dropout=model.dropout.word,
        dropout=model.dropout.embedding,
        variational=model.dropout.variational,
    )


def build_output_layer(
    model: ModelConfig, input_size: int, vocab_size: int, embedding: TokenEmbedding
) -> OutputLayer:
    tied = embedding.table if model.tie_embeddings else None
    with mistakes_at("model.output"):
        match model.output:
            case AdaptiveSoftmaxConfig(cutoffs=cutoffs):
                return AdaptiveSoftmax(input_size, vocab_size, cutoffs=cutoffs, tied_embedding=tied)
            case MixtureOfSoftmaxesConfig(num_experts=experts):
                return MixtureOfSoftmaxes(
                    input_size, vocab_size, num_experts=experts, tied_embedding=tied
                )
            case _:
                return OutputLayer(input_size, vocab_size, tied_embedding=tied)


def build_stack(model: ModelConfig, **sizes: Any) -> Stack | BlockStack:
    """A stack of layers with the recipe's cell, or of its residual blocks."""
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
    """A function from a block's index to the block with the recipe's options."""
    kind, options = kind_and_options(model)

    def make_block(index: int) -> Layer:
        with mistakes_at("model.cell"):
            return BLOCKS[kind](index, model.embedding_dim, model.backend, **options)

    return make_block


def build_cell(model: ModelConfig) -> Callable[[int, int], Cell]:
    """A function from input and hidden size to a cell with the recipe's options and zoneout."""
    kind, options = kind_and_options(model)

    def make_cell(input_size: int, hidden_size: int) -> Cell:
        with mistakes_at("model.cell"):
            cell = CELLS[kind](input_size, hidden_size, **options)
        if model.dropout.weight_drop:
            with mistakes_at("model.dropout.weight_drop"):
                recurrent_parameter_name(cell)
        with mistakes_at("model.zoneout"):
            return zoneout(cell, **model.zoneout.model_dump())

    return make_cell


def kind_and_options(model: ModelConfig) -> tuple[str, dict[str, Any]]:
    options = dict(model.cell)
    return options.pop("kind"), options
