"""Text as windows that overlap: every prediction knows at least so many pieces before it."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from seqlstm.data.batching.streams import TokenStream
from seqlstm.models.batch import Batch

TOKENS = 2**14  # of a batch


def sliding_window_batches(stream: TokenStream, *, least: int) -> Iterator[Batch]:
    """Windows of 2 · least − 1 pieces, each from a fresh state and `least` after the one before.

    What a window tells once it has read `least` pieces counts, and of the first window all; so
    every piece of the text is a real target of one window, and they come in the text's order, row
    after row.

    Args:
        stream: the text.
        least: pieces that are known to every prediction, but for those at the text's beginning.
    """
    time = torch.arange(min(2 * least - 1, stream.tokens))
    starts = torch.arange(0, max(1, stream.tokens - least + 1), least)
    for some in torch.split(starts.unsqueeze(1), max(1, TOKENS // len(time))):
        place = some + time  # (rows, time)
        told = (place < stream.tokens) & ((time >= least - 1) | (some == 0))
        place = place.clamp(max=stream.tokens - 1)
        yield Batch(
            inputs=stream.ids[place],
            targets=stream.ids[place + 1],
            target_index=told.t().flatten().nonzero().squeeze(1),
        )
