"""Prefill: a language model reads prompts of any lengths in parallel, in spans of many steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from seqlstm.data.batching.collate import collate_language_model
from seqlstm.inference.past import Past
from seqlstm.models.batch import Batch, target_positions
from seqlstm.models.language_model import LanguageModel
from seqlstm.recurrent.state import State, where
from seqlstm.runtime.device import Precision

SPAN = 1024  # steps of a span, so that memory does not grow with the text

Ids = Sequence[Sequence[int]]  # the ids of each row


@torch.no_grad()
def prefill(model: LanguageModel, ids: Ids, past: Past, precision: Precision) -> Past:
    """The past after more ids in every row."""
    state = past.state
    for span in spans(ids, past.token):
        with precision.autocast():
            _, after = model.features(span, state, return_state=True)
        state = state_after(span, after, state)
    return past.extend(state, ids)


@torch.no_grad()
def prefill_and_score(
    model: LanguageModel, ids: Ids, past: Past, precision: Precision
) -> tuple[Tensor, Past]:
    """The log-probability of every id, (rows, time), 0 at padding, and the past after the ids."""
    state, log_probs = past.state, [torch.zeros(len(ids), 0)]
    for span in spans(ids, past.token):
        with precision.autocast():
            span_log_probs, after = model.log_probabilities(span, state, return_state=True)
        state = state_after(span, after, state)
        log_probs.append(span_log_probs.cpu())
    return torch.cat(log_probs, dim=1), past.extend(state, ids)


def spans(ids: Ids, before: Tensor) -> Iterator[Batch]:
    """Batches of at most `SPAN` steps that predict the ids of each row.

    Args:
        ids: the targets.
        before: the id before the first id of each row, (rows,).
    """
    rows = [[first, *row] for first, row in zip(before.tolist(), ids, strict=True)]
    whole = collate_language_model(rows, pad_id=0)
    assert whole.lengths is not None
    for begin in range(0, whole.targets.shape[1], SPAN):
        targets = whole.targets[:, begin : begin + SPAN]
        time = targets.shape[1]
        lengths = (whole.lengths - begin).clamp(0, time)
        yield Batch(
            inputs=whole.inputs[:, begin : begin + time],
            targets=targets,
            target_index=target_positions(lengths, time),
            lengths=None if lengths.eq(time).all() else lengths,  # more backends support full rows
        ).to(before.device)


def state_after(span: Batch, after: State | None, before: State) -> State:
    """The state after a span; rows without ids in the span keep their state."""
    assert after is not None
    return after if span.lengths is None else where(span.lengths > 0, after, before)
