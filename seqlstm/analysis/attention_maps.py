"""Attention maps: the attention weights of a translation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqlstm.data.batching.collate import collate_pairs
from seqlstm.errors import ArgumentError
from seqlstm.inference.scoring import truncate
from seqlstm.inference.translator import LoadedTranslator


@dataclass(frozen=True)
class AttentionMap:
    """Attention weights between source and target tokens (Bahdanau, Cho & Bengio, 2015, fig. 3).

    Attributes:
        source_pieces: tokens of the source, eos included.
        target_pieces: tokens of the target, eos included.
        weights: (heads, target, source); they sum to one over the source.
    """

    source_pieces: list[str]
    target_pieces: list[str]
    weights: Tensor


@torch.inference_mode()
def attention_map(loaded: LoadedTranslator, source: str, target: Sequence[int]) -> AttentionMap:
    """The attention weights of a translation, by teacher forcing.

    Args:
        loaded: the translator.
        source: a line, truncated with a warning if it has more tokens than
            `loaded.max_input_length`.
        target: token ids of the translation, without eos: of a hypothesis, or from
            `loaded.tokenizers.target.encode`.

    Raises:
        ArgumentError: the translator has no attention.
    """
    source_tokenizer, target_tokenizer = loaded.tokenizers.source, loaded.tokenizers.target
    (ids,) = truncate([source_tokenizer.encode(source)], loaded.max_input_length, what="line")
    batch = collate_pairs([ids], [target], loaded.tokenizers).to(loaded.precision.device)
    try:
        with loaded.precision.autocast():
            (weights,) = loaded.model.attention_weights(batch)
    except ValueError as error:
        raise ArgumentError(str(error)) from error
    return AttentionMap(
        source_pieces=source_tokenizer.pieces([*ids, source_tokenizer.end]),
        target_pieces=target_tokenizer.pieces([*target, target_tokenizer.end]),
        weights=weights.float().cpu(),
    )
