"""Builder of translators."""

from __future__ import annotations

from functools import partial
from typing import Any

from seqlstm.config import Recipe
from seqlstm.config.model import (
    DecoderConfig,
    EncoderConfig,
    EncoderOrDecoderConfig,
    ModelConfig,
)
from seqlstm.models.attention import ATTENTIONS, Attention
from seqlstm.models.decoders.bahdanau import BahdanauDecoder
from seqlstm.models.decoders.base import Decoder
from seqlstm.models.decoders.bridge import Bridge
from seqlstm.models.decoders.input_feeding import InputFeedingDecoder
from seqlstm.models.decoders.no_attention import NoAttentionDecoder
from seqlstm.models.decoders.parallel import ParallelDecoder
from seqlstm.models.lexical import LexicalModule
from seqlstm.models.translator import Translator
from seqlstm.recipe.build.layers import (
    build_embedding,
    build_output_layer,
    build_stack,
    mistakes_at,
)
from seqlstm.recurrent.stack import LayerStack
from seqlstm.text.tokenizer_pair import VocabularySizes


def build_translator(recipe: Recipe, vocab_sizes: VocabularySizes) -> Translator:
    """The untrained translator of a recipe."""
    model = recipe.model
    source = build_embedding(model, vocab_sizes[0])
    shared = recipe.tokenizer.joint and model.tie_embeddings in (True, "three-way")
    target = source if shared else build_embedding(model, vocab_sizes[1])
    encoder = build_encoder(model)
    decoder = build_decoder(model, encoder)
    lexical = (
        LexicalModule(model.embedding_dim) if model.decoder and model.decoder.lexical else None
    )
    features = decoder.output + (model.embedding_dim if lexical else 0)
    return Translator(
        source=source,
        target=target,
        encoder=encoder,
        decoder=decoder,
        output_layer=build_output_layer(model, features, vocab_sizes[1], target),
        dropout=model.dropout.output,
        variational=model.dropout.variational,
        lexical=lexical,
    )


def build_encoder(model: ModelConfig) -> LayerStack:
    table = model.encoder or EncoderConfig()
    return build_stack(
        model,
        input_size=model.embedding_dim,
        hidden_size=hidden_size_of(table, model),
        num_layers=table.num_layers or model.num_layers,
        bidirectional=table.bidirectional,
        reverse=table.reverse,
    )


def hidden_size_of(table: EncoderOrDecoderConfig, model: ModelConfig) -> int:
    """The hidden size of an encoder or a decoder; by default the model's."""
    hidden_size = table.hidden_size or model.hidden_size
    assert isinstance(hidden_size, int)  # only language models have a list
    return hidden_size


def build_decoder(model: ModelConfig, encoder: LayerStack) -> Decoder:
    table = model.decoder or DecoderConfig()
    hidden_size = hidden_size_of(table, model)
    num_layers = table.num_layers or model.num_layers
    make_stack = partial(build_stack, model, hidden_size=hidden_size)
    make_attention = partial(
        build_attention, model, query_size=hidden_size, memory_size=encoder.output
    )
    make_bridge = partial(build_bridge, encoder)
    dropout: dict[str, Any] = {
        "dropout": model.dropout.inter_layer,
        "variational": model.dropout.variational,
    }
    match table.kind:
        case "parallel":
            first = make_stack(input_size=model.embedding_dim, num_layers=1)
            attention = make_attention()
            rest = make_stack(
                input_size=hidden_size, num_layers=num_layers - 1, context=encoder.output
            )
            bridge = make_bridge(first, rest) if table.bridge else None
            with mistakes_at("model.attention"):
                return ParallelDecoder(
                    first=first, attention=attention, rest=rest, bridge=bridge, **dropout
                )
        case "input-feeding":
            stack = make_stack(input_size=model.embedding_dim + hidden_size, num_layers=num_layers)
            bridge = make_bridge(stack) if table.bridge else None
            return InputFeedingDecoder(
                stack=stack, attention=make_attention(), bridge=bridge, **dropout
            )
        case "bahdanau":
            input_size = model.embedding_dim + encoder.output
            stack = make_stack(input_size=input_size, num_layers=num_layers)
            bridge = make_bridge(stack) if table.bridge else None
            return BahdanauDecoder(
                stack=stack,
                attention=make_attention(),
                embedding_dim=model.embedding_dim,
                bridge=bridge,
                **dropout,
            )
        case "no-attention":
            stack = make_stack(input_size=model.embedding_dim, num_layers=num_layers)
            return NoAttentionDecoder(stack=stack, bridge=make_bridge(stack))


def build_attention(model: ModelConfig, *, query_size: int, memory_size: int) -> Attention:
    options = dict(model.attention or {"kind": "general"})
    with mistakes_at("model.attention"):
        return ATTENTIONS[options.pop("kind")](query_size, memory_size, **options)


def build_bridge(encoder: LayerStack, *stacks: LayerStack) -> Bridge:
    with mistakes_at("model.decoder"):
        return Bridge(encoder, [layer for stack in stacks for layer in stack.layers])
