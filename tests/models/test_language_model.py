"""The laws of the language model, for every cell."""

from __future__ import annotations

from dataclasses import replace

import torch

from seqlstm.models.batch import Batch
from seqlstm.models.language_model import LanguageModel
from seqlstm.recurrent.state import State, detach, select
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
    rows_of,
    step_by_step,
    text_batch,
)
from tests.recurrent.cases import Case, assert_same
from tests.tiny import language_model, loss_of, random_language_model


def model_of(case: Case) -> LanguageModel:
    return random_language_model(VOCABULARY, cell=cell_of(case))


def lived_in(model: LanguageModel) -> State:
    """The state after another text."""
    read = replace(text_batch(), inputs=ids(ROWS, TIME, seed=8))
    _, state = model.log_probabilities(read, return_state=True)
    assert state is not None
    return detach(state)


def cut(batch: Batch, start: int, stop: int) -> Batch:
    """Some steps of a full batch."""
    part = slice(start, stop)
    real = torch.arange(ROWS * (stop - start))
    return Batch(inputs=batch.inputs[:, part], targets=batch.targets[:, part], target_index=real)


@every_text_cell
def test_step_by_step_equals_full_forward(case: Case) -> None:
    model, batch = model_of(case), text_batch()
    state = lived_in(model)
    scores, last = step_by_step(model, batch, state)
    assert_same((scores, last), model.log_probabilities(batch, state, return_state=True))


@every_text_cell
def test_whole_equals_in_pieces(case: Case) -> None:
    model, batch = model_of(case), text_batch()
    state: State | None = lived_in(model)
    loss, tokens, last = loss_of(model, batch, state)
    losses, counts = [], []
    for start, stop in ((0, 2), (2, 3), (3, TIME)):
        part, count, state = loss_of(model, cut(batch, start, stop), state)
        losses.append(part)
        counts.append(count)
    assert sum(counts) == tokens == ROWS * TIME
    assert_same((sum(losses), state), (loss, last))


@every_text_cell
def test_padded_equals_alone(case: Case) -> None:
    model, batch = model_of(case), text_batch(LENGTHS)
    scores, last = model.log_probabilities(batch, return_state=True)
    assert last is not None
    losses = []
    for row, length in enumerate(LENGTHS):
        alone = rows_of(batch, row)
        own, end = model.log_probabilities(alone, return_state=True)
        assert_same((scores[row : row + 1, :length], select(last, torch.tensor([row]))), (own, end))
        assert (scores[row, length:] == 0).all()
        losses.append(loss_of(model, alone)[0])
    loss, tokens, _ = loss_of(model, batch)
    assert tokens == sum(LENGTHS)
    assert_same(loss, sum(losses))


@every_text_cell
def test_gradients_of_a_batch_are_the_sum_of_its_rows(case: Case) -> None:
    model, batch = model_of(case), text_batch(LENGTHS)
    alone = [gradients(model, rows_of(batch, row)) for row in range(ROWS)]
    assert_same(gradients(model, batch), tuple(sum(parts) for parts in zip(*alone, strict=True)))


@every_text_cell
def test_the_loss_is_the_sum_of_the_log_probabilities(case: Case) -> None:
    model = model_of(case)
    for batch in (text_batch(), text_batch(LENGTHS)):
        scores, state = model.log_probabilities(batch)
        assert state is None
        assert_same(loss_of(model, batch)[0], -scores.sum())


@every_text_cell
def test_padding_never_changes_the_loss(case: Case) -> None:
    model, batch = model_of(case), text_batch(LENGTHS)
    changed = other_padding(batch)
    assert not torch.equal(batch.inputs, changed.inputs)
    assert torch.equal(loss_of(model, batch)[0], loss_of(model, changed)[0])


@every_text_cell
def test_rows_do_not_see_each_other(case: Case) -> None:
    model, batch, order = model_of(case), text_batch(LENGTHS), (3, 0, 2, 1, 0)
    scores, _ = model.log_probabilities(batch)
    permuted, _ = model.log_probabilities(rows_of(batch, *order))
    assert_same(permuted, scores[list(order)])


@every_text_cell
def test_a_reset_starts_from_the_initial_state(case: Case) -> None:
    model, batch = model_of(case), text_batch()
    resets = torch.zeros(ROWS, TIME, dtype=torch.bool)
    resets[:, 3] = True
    state = lived_in(model)
    scores, last = model.log_probabilities(replace(batch, resets=resets), state, return_state=True)
    before, _ = model.log_probabilities(cut(batch, 0, 3), state)
    after, end = model.log_probabilities(cut(batch, 3, TIME), return_state=True)
    assert_same((scores, last), (torch.cat([before, after], 1), end))


@every_text_cell
def test_runs_without_a_device(case: Case) -> None:
    meta = torch.device("meta")
    drop = 0.5 if hasattr(case.build(), "recurrent") else 0.0
    model = language_model(VOCABULARY, cell=cell_of(case), dropout=0.5, weight_drop=drop).to(meta)
    resets = torch.zeros(ROWS, TIME, dtype=torch.bool)
    for batch in (text_batch(), text_batch(LENGTHS), replace(text_batch(), resets=resets)):
        loss, tokens, state = loss_of(model.train(), batch.to(meta))
        assert loss.is_meta
        assert tokens == batch.tokens
        assert state is not None


def test_bfloat16_comes_close() -> None:
    model, batch = language_model(VOCABULARY).eval(), text_batch(LENGTHS)
    with torch.autocast("cpu", torch.bfloat16):
        loss, _, state = loss_of(model, batch)
        scores, _ = model.log_probabilities(batch)
    assert loss.dtype == scores.dtype == torch.float32
    assert_same(
        (loss, scores),
        (loss_of(model, batch)[0], model.log_probabilities(batch)[0]),
        rtol=0.02,
        atol=0.05,
    )
    assert all(part.dtype == torch.float32 for layer in state for part in layer)


def test_dropout_is_for_training() -> None:
    model = language_model(VOCABULARY, dropout=0.5)
    plain = language_model(VOCABULARY)
    batch = text_batch(LENGTHS)
    assert torch.equal(loss_of(model.eval(), batch)[0], loss_of(plain, batch)[0])
    first, second = loss_of(model.train(), batch)[0], loss_of(model, batch)[0]
    assert first != second


def test_a_tied_table_is_one_parameter() -> None:
    model = language_model(VOCABULARY)
    assert model.output_layer.weight is model.embedding.table.weight
    names = [name for name, parameter in model.named_parameters() if len(parameter) == VOCABULARY]
    assert names == ["embedding.table.weight", "output_layer.bias"]
