"""Batches of random ids and helpers for the tests of both models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.models.batch import Batch, target_positions
from seqlstm.models.language_model import LanguageModel
from seqlstm.models.translator import Translator
from seqlstm.recurrent.catalogue import CELLS
from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.state import State
from tests.recurrent.cases import CASES, Case, generator
from tests.tiny import loss_of

VOCABULARY, ROWS, TIME = 11, 4, 7
LENGTHS = [5, 7, 1, 3]
SOURCE_LENGTHS = [2, 6, 4, 1]

# The first case of each cell for text; the tests of the cells try its options.
FIRST = {case.kind: case for case in reversed(CASES) if not case.build().required_input}
every_text_cell = pytest.mark.parametrize("case", list(FIRST.values())[::-1], ids=str)


def cell_of(case: Case) -> Callable[[int, int], Cell]:
    return partial(CELLS[case.kind], **case.options)


def ids(*shape: int, seed: int = 1) -> Tensor:
    return torch.randint(VOCABULARY, shape, generator=generator(seed))


def text_batch(lengths: Sequence[int] | None = None) -> Batch:
    """Rows of text of these lengths; full rows when None."""
    tokens = ids(ROWS, TIME + 1)
    return Batch(
        inputs=tokens[:, :-1],
        targets=tokens[:, 1:],
        target_index=target_positions(torch.tensor(lengths or [TIME] * ROWS), TIME),
        lengths=torch.tensor(lengths) if lengths else None,
    )


def pair_batch() -> Batch:
    """Rows of text and their sources, of different lengths; padding is random too."""
    source = ids(ROWS, max(SOURCE_LENGTHS), seed=2)
    return replace(text_batch(LENGTHS), source=source, source_lengths=torch.tensor(SOURCE_LENGTHS))


def rows_of(batch: Batch, *rows: int) -> Batch:
    """Some rows of a padded batch by themselves, cut to the longest of them."""
    assert batch.lengths is not None
    index = torch.tensor(rows)
    lengths = batch.lengths[index]
    time = int(lengths.max())
    chosen = Batch(
        inputs=batch.inputs[index, :time],
        targets=batch.targets[index, :time],
        target_index=target_positions(lengths, time),
        lengths=lengths,
    )
    if batch.source is None or batch.source_lengths is None:
        return chosen
    source_lengths = batch.source_lengths[index]
    source = batch.source[index, : int(source_lengths.max())]
    return replace(chosen, source=source, source_lengths=source_lengths)


def other_padding(batch: Batch) -> Batch:
    """The same batch with other ids at padding."""
    assert batch.lengths is not None

    def changed(table: Tensor, lengths: Tensor) -> Tensor:
        ended = torch.arange(table.shape[1]) >= lengths.unsqueeze(1)
        return torch.where(ended, (table + 1) % VOCABULARY, table)

    other = replace(
        batch,
        inputs=changed(batch.inputs, batch.lengths),
        targets=changed(batch.targets, batch.lengths),
    )
    if batch.source is None or batch.source_lengths is None:
        return other
    return replace(other, source=changed(batch.source, batch.source_lengths))


def step_by_step(
    model: LanguageModel | Translator, batch: Batch, state: State, memory: State | None = None
) -> tuple[Tensor, State]:
    """Log-probability of every target, one `advance` after the other, and the last state."""
    advance: Callable[..., tuple[Any, ...]] = model.advance
    scores = []
    for token, target in zip(batch.inputs.unbind(1), batch.targets.unbind(1), strict=True):
        logits, state, *_ = advance(token, state, memory)
        scores.append(logits.log_softmax(-1).gather(1, target.unsqueeze(1)).squeeze(1))
    return torch.stack(scores, 1), state


def gradients(
    model: LanguageModel | Translator, batch: Batch, **options: Any
) -> tuple[Tensor, ...]:
    """Gradients of the summed cross-entropy with respect to all parameters."""
    loss, _, _ = loss_of(model, batch, **options)
    return torch.autograd.grad(loss, list(model.parameters()))
