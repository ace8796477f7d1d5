"""Sliding windows: evaluation batches in which every prediction has a minimum of context."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from seqlstm.data.batching.streams import TokenStream
from seqlstm.models.batch import Batch

MAX_BATCH_TOKENS = 2**14


def sliding_window_batches(stream: TokenStream, *, min_context: int) -> Iterator[Batch]:
    """Overlapping windows of 2 · min_context − 1 tokens, one every `min_context` tokens.

    Every window starts from the initial state. Only predictions with at least `min_context` tokens
    of context are scored, except in the first window. So every token of the text is scored exactly
    once, and in order, row after row.

    Args:
        stream: the text.
        min_context: tokens of context of every prediction outside the first window.
    """
    time = torch.arange(min(2 * min_context - 1, stream.tokens))
    starts = torch.arange(0, max(1, stream.tokens - min_context + 1), min_context)
    for begin in torch.split(starts.unsqueeze(1), max(1, MAX_BATCH_TOKENS // len(time))):
        positions = begin + time  # (rows, time)
        scored = (positions < stream.tokens) & ((time >= min_context - 1) | (begin == 0))
        positions = positions.clamp(max=stream.tokens - 1)
        yield Batch(
            inputs=stream.ids[positions],
            targets=stream.ids[positions + 1],
            target_index=scored.t().flatten().nonzero().squeeze(1),
        )
