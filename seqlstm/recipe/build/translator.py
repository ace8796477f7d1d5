"""From a recipe's table of the model to a translator."""

from __future__ import annotations

from functools import partial
from typing import Any

from seqlstm.config import Recipe
from seqlstm.config.model import DecoderConfig as DecoderTable
from seqlstm.config.model import EncoderConfig, EncoderOrDecoderConfig, ModelConfig
from seqlstm.models.attention import ATTENTIONS, Attention
from seqlstm.models.decoders.bahdanau import BahdanauDecoder
from seqlstm.models.decoders.base import Decoder
from seqlstm.models.decoders.bridge import Bridge
from seqlstm.models.decoders.input_feeding import InputFeedingDecoder
from seqlstm.models.decoders.no_attention import NoAttentionDecoder
from seqlstm.models.decoders.parallel import ParallelDecoder
from seqlstm.models.lexical import LexicalModule
from seqlstm.models.translator import Translator
from seqlstm.recipe.build.layers import blamed, build_embedding, build_output_layer, build_stack
from seqlstm.recurrent.stack import LayerStack
from seqlstm.text.tokenizer_pair import VocabularySizes


def build_translator(recipe: Recipe, vocabularies: VocabularySizes) -> Translator:
    model = recipe.model
    source = build_embedding(model, vocabularies[0])
    shared = recipe.tokenizer.joint and model.tie_embeddings in (True, "three-way")
    target = source if shared else build_embedding(model, vocabularies[1])
    encoder = build_encoder(model)
    decoder = build_decoder(model, encoder)
    lexical = (
        LexicalModule(model.embedding_dim) if model.decoder and model.decoder.lexical else None
    )
    read = decoder.output + (model.embedding_dim if lexical else 0)
    return Translator(
        source=source,
        target=target,
        encoder=encoder,
        decoder=decoder,
        output_layer=build_output_layer(model, read, vocabularies[1], target),
        dropout=model.dropout.output,
        variational=model.dropout.variational,
        lexical=lexical,
    )


def build_encoder(model: ModelConfig) -> LayerStack:
    table = model.encoder or EncoderConfig()
    return build_stack(
        model,
        input_size=model.embedding_dim,
        hidden_size=hidden_of(table, model),
        num_layers=table.num_layers or model.num_layers,
        bidirectional=table.bidirectional,
        reverse=table.reverse,
    )


def hidden_of(side: EncoderOrDecoderConfig, model: ModelConfig) -> int:
    """The hidden size of an encoder or a decoder: its own, or the model's."""
    hidden = side.hidden_size or model.hidden_size
    assert isinstance(hidden, int)  # a list is a language model's
    return hidden


def build_decoder(model: ModelConfig, encoder: LayerStack) -> Decoder:
    table = model.decoder or DecoderTable()
    hidden, layers = hidden_of(table, model), table.num_layers or model.num_layers
    stack = partial(build_stack, model, hidden_size=hidden)
    attention = partial(build_attention, model, query_size=hidden, memory_size=encoder.output)
    bridge = partial(build_bridge, encoder)
    dropout: dict[str, Any] = {
        "dropout": model.dropout.inter_layer,
        "variational": model.dropout.variational,
    }
    match table.kind:
        case "parallel":
            first = stack(input_size=model.embedding_dim, num_layers=1)
            attended = attention()
            rest = stack(input_size=hidden, num_layers=layers - 1, context=encoder.output)
            begin = bridge(first, rest) if table.bridge else None
            with blamed("model.attention"):
                return ParallelDecoder(
                    first=first, attention=attended, rest=rest, bridge=begin, **dropout
                )
        case "input-feeding":
            below = stack(input_size=model.embedding_dim + hidden, num_layers=layers)
            begin = bridge(below) if table.bridge else None
            return InputFeedingDecoder(stack=below, attention=attention(), bridge=begin, **dropout)
        case "bahdanau":
            below = stack(input_size=model.embedding_dim + encoder.output, num_layers=layers)
            begin = bridge(below) if table.bridge else None
            return BahdanauDecoder(
                stack=below,
                attention=attention(),
                embedding_dim=model.embedding_dim,
                bridge=begin,
                **dropout,
            )
        case "no-attention":
            below = stack(input_size=model.embedding_dim, num_layers=layers)
            return NoAttentionDecoder(stack=below, bridge=bridge(below))


def build_attention(model: ModelConfig, *, query_size: int, memory_size: int) -> Attention:
    options = dict(model.attention or {"kind": "general"})
    with blamed("model.attention"):
        return ATTENTIONS[options.pop("kind")](query_size, memory_size, **options)


def build_bridge(encoder: LayerStack, *stacks: LayerStack) -> Bridge:
    with blamed("model.decoder"):
        return Bridge(encoder, [layer for stack in stacks for layer in stack.layers])
