"""Builder of language models."""

from __future__ import annotations

from seqlstm.config import Recipe
from seqlstm.models.language_model import LanguageModel
from seqlstm.recipe.build.layers import build_embedding, build_output_layer, build_stack
from seqlstm.text.tokenizer_pair import VocabularySizes


def build_language_model(recipe: Recipe, vocab_sizes: VocabularySizes) -> LanguageModel:
    """The untrained language model of a recipe."""
    model, (_, vocab_size) = recipe.model, vocab_sizes
    embedding = build_embedding(model, vocab_size)
    stack = build_stack(
        model,
        input_size=model.embedding_dim,
        hidden_size=model.hidden_size,
        num_layers=model.num_layers,
    )
    return LanguageModel(
        embedding=embedding,
        stack=stack,
        output_layer=build_output_layer(model, stack.output, vocab_size, embedding),
        dropout=model.dropout.output,
        variational=model.dropout.variational,
    )
