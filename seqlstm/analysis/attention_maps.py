"""Where a translator looks while it writes."""

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
    """How much of each source piece every target piece was written by (Bahdanau et al., 2015).

    Attributes:
        source_pieces: of the source, what ends it included.
        target_pieces: of the target, likewise.
        weights: (heads, target, source); over the source they sum to one.
    """

    source_pieces: list[str]
    target_pieces: list[str]
    weights: Tensor


@torch.inference_mode()
def attention_map(loaded: LoadedTranslator, source: str, target: Sequence[int]) -> AttentionMap:
    """The weights of the attention where the translation is given.

    Args:
        loaded: the translator.
        source: a line; of more pieces than the translator was made for it is cut, with a warning.
        target: ids of the translation's pieces, without what ends it: a hypothesis' own, or those
            that `loaded.tokenizers.target.encode` gives a text.

    Raises:
        ArgumentError: the translator has no attention.
    """
    reader, writer = loaded.tokenizers.source, loaded.tokenizers.target
    (ids,) = truncate([reader.encode(source)], loaded.longest, what="line")
    batch = collate_pairs([ids], [target], loaded.tokenizers).to(loaded.precision.device)
    try:
        with loaded.precision.autocast():
            (weights,) = loaded.model.attend(batch)
    except ValueError as error:
        raise ArgumentError(str(error)) from error
    return AttentionMap(
        source_pieces=reader.pieces([*ids, reader.end]),
        target_pieces=writer.pieces([*target, writer.end]),
        weights=weights.float().cpu(),
    )
