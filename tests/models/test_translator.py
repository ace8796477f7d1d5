"""The laws of the translator, for every cell."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from seqlstm.models.batch import Batch
from seqlstm.models.translator import Translator
from seqlstm.recurrent.state import State, select
from tests.models.cases import (
    LENGTHS,
    ROWS,
    TIME,
    VOCABULARY,
    cell_of,
    every_text_cell,
    gradients,
    ids,
    other_padding,
    pair_batch,
    rows_of,
    step_by_step,
)
from tests.recurrent.cases import Case, assert_same
from tests.tiny import loss_of, random_translator, translator

# Attention's weights are computed in float32, whatever the rest is.
CLOSE = {"rtol": 1e-5, "atol": 1e-4}


def model_of(case: Case, layers: int = 2) -> Translator:
    return random_translator(VOCABULARY, cell=cell_of(case), layers=layers)


def memory_of(model: Translator, batch: Batch) -> State:
    assert batch.source is not None
    assert batch.source_lengths is not None
    return model.encode(batch.source, batch.source_lengths)


@every_text_cell
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_step_by_step_equals_full_forward(case: Case, layers: int) -> None:
    model, batch = model_of(case, layers), pair_batch()
    memory = memory_of(model, batch)
    scores, _ = step_by_step(model, batch, model.start(memory), memory)
    real = torch.arange(TIME) < torch.tensor(LENGTHS).unsqueeze(1)
    assert_same(scores.where(real, 0), model.log_probabilities(batch), **CLOSE)


@every_text_cell
def test_padded_equals_alone(case: Case) -> None:
    model, batch = model_of(case), pair_batch()
    scores = model.log_probabilities(batch)
    losses = []
    for row, length in enumerate(LENGTHS):
        alone = rows_of(batch, row)
        assert_same(scores[row : row + 1, :length], model.log_probabilities(alone), **CLOSE)
        assert (scores[row, length:] == 0).all()
        losses.append(loss_of(model, alone)[0])
    loss, tokens, state = loss_of(model, batch)
    assert (tokens, state) == (sum(LENGTHS), None)
    assert_same(loss, sum(losses), **CLOSE)


@every_text_cell
def test_gradients_of_a_batch_are_the_sum_of_its_rows(case: Case) -> None:
    model, batch = model_of(case), pair_batch()
    alone = [gradients(model, rows_of(batch, row)) for row in range(ROWS)]
    summed = tuple(sum(parts) for parts in zip(*alone, strict=True))
    assert_same(gradients(model, batch), summed, rtol=1e-4, atol=1e-4)


@every_text_cell
def test_the_loss_is_the_sum_of_the_log_probabilities(case: Case) -> None:
    model, batch = model_of(case), pair_batch()
    assert_same(loss_of(model, batch)[0], -model.log_probabilities(batch).sum())


@every_text_cell
def test_padding_never_changes_the_loss(case: Case) -> None:
    model, batch = model_of(case), pair_batch()
    changed = other_padding(batch)
    assert batch.source is not None
    assert changed.source is not None
    assert not torch.equal(batch.source, changed.source)
    assert torch.equal(loss_of(model, batch)[0], loss_of(model, changed)[0])


@every_text_cell
def test_every_real_source_id_is_read(case: Case) -> None:
    model, batch = model_of(case), pair_batch()
    assert batch.source is not None
    scores = model.log_probabilities(batch)
    for place in range(6):
        source = batch.source.clone()
        source[1, place] = (source[1, place] + 1) % VOCABULARY
        changed = model.log_probabilities(replace(batch, source=source))
        assert (changed[1] - scores[1]).abs().max() > 1e-6
        assert torch.equal(changed[[0, 2, 3]], scores[[0, 2, 3]])


@every_text_cell
def test_rows_do_not_see_each_other(case: Case) -> None:
    model, batch, order = model_of(case), pair_batch(), (3, 0, 2, 1, 0)
    permuted = model.log_probabilities(rows_of(batch, *order))
    assert_same(permuted, model.log_probabilities(batch)[list(order)], **CLOSE)


@every_text_cell
def test_beams_share_the_memory_of_their_sentence(case: Case) -> None:
    model, batch, beams = model_of(case), pair_batch(), 3
    memory, token = memory_of(model, batch), ids(ROWS * beams, seed=4)
    sentence = torch.arange(ROWS).repeat_interleave(beams)
    _, state, _ = model.advance(ids(ROWS, seed=5), model.start(memory), memory)
    state = select(state, sentence)
    shared = model.advance(token, state, memory)
    copied = model.advance(token, state, select(memory, sentence))
    assert_same(shared, copied, **CLOSE)


@every_text_cell
def test_runs_without_a_device(case: Case) -> None:
    meta = torch.device("meta")
    drop = 0.5 if hasattr(case.build(), "recurrent") else 0.0
    model = translator(VOCABULARY, cell=cell_of(case), dropout=0.5, weight_drop=drop).to(meta)
    loss, tokens, _ = loss_of(model.train(), pair_batch().to(meta))
    assert loss.is_meta
    assert tokens == sum(LENGTHS)


def test_bfloat16_comes_close() -> None:
    model, batch = translator(VOCABULARY).eval(), pair_batch()
    with torch.autocast("cpu", torch.bfloat16):
        loss, _, _ = loss_of(model, batch)
        scores = model.log_probabilities(batch)
    assert loss.dtype == scores.dtype == torch.float32
    exact = (loss_of(model, batch)[0], model.log_probabilities(batch))
    assert_same((loss, scores), exact, rtol=0.02, atol=0.05)


def test_dropout_is_for_training() -> None:
    model = translator(VOCABULARY, dropout=0.5)
    plain, batch = translator(VOCABULARY), pair_batch()
    assert torch.equal(loss_of(model.eval(), batch)[0], loss_of(plain, batch)[0])
    assert loss_of(model.train(), batch)[0] != loss_of(model, batch)[0]


def test_source_target_and_output_can_share_one_table() -> None:
    model = translator(VOCABULARY)
    assert model.output_layer.weight is model.source.table.weight is model.target.table.weight
    names = [name for name, parameter in model.named_parameters() if len(parameter) == VOCABULARY]
    assert names == ["source.table.weight", "output_layer.bias"]
