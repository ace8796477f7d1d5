"""Layers that read backwards, and both ways."""

from __future__ import annotations

import pytest
import torch

from seqlstm.recurrent.layer import Bidirectional, WeightDrop
from tests.recurrent.cases import (
    BATCH,
    HIDDEN,
    LENGTHS,
    TIME,
    WIDTH,
    Case,
    assert_same,
    every_backend,
    every_cell,
    layer_of,
    leaves,
    lived_in,
    noise,
    padded,
    row_of,
)
from tests.recurrent.stacks import stack_of


@every_backend
@every_cell
def test_reading_backwards_is_reading_the_reversed_row(case: Case, backend: str) -> None:
    forwards, backwards = (
        layer_of(case, backend=backend, reverse=reverse) for reverse in (False, True)
    )
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(forwards.cell, BATCH)
    outputs, last = forwards(inputs.flip(0), state)
    assert_same(backwards(inputs, state), (outputs.flip(0), last))


@every_cell
def test_reading_backwards_starts_at_each_rows_own_last_token(case: Case) -> None:
    forwards, backwards = (layer_of(case, reverse=reverse) for reverse in (False, True))
    inputs, lengths = padded()
    outputs, last = backwards(inputs, lengths=lengths)
    for row, length in enumerate(LENGTHS):
        turned, end = forwards(inputs[:length, row : row + 1].flip(0))
        assert_same((outputs[:length, row : row + 1], row_of(last, row)), (turned.flip(0), end))


@pytest.mark.parametrize("return_state", [True, False])
@every_cell
def test_bidirectional_is_both_halves(case: Case, return_state: bool) -> None:
    ahead, back = layer_of(case, seed=1), layer_of(case, seed=2, reverse=True)
    inputs, lengths = padded()
    outputs, state = Bidirectional(ahead, back)(inputs, lengths=lengths, return_state=return_state)
    left, left_state = ahead(inputs, lengths=lengths, return_state=return_state)
    right, right_state = back(inputs, lengths=lengths, return_state=return_state)
    assert_same(outputs, torch.cat([left, right], dim=-1))
    assert (state is None) == (not return_state)
    assert_same(leaves(state), leaves(left_state) + leaves(right_state))


@every_cell
def test_bidirectional_takes_the_state_that_it_gives(case: Case) -> None:
    ahead, back = layer_of(case, seed=1), layer_of(case, seed=2, reverse=True)
    layer = Bidirectional(ahead, back)
    inputs = noise(TIME, BATCH, WIDTH)
    first, _ = state = lived_in(ahead.cell, BATCH, seed=3), lived_in(back.cell, BATCH, seed=4)
    outputs, last = layer(inputs, state)
    assert_same(outputs[..., :HIDDEN], ahead(inputs, first)[0])
    assert_same(outputs[..., HIDDEN:], back(inputs, state[1])[0])
    assert layer(inputs, last)[0].shape == outputs.shape
    assert_same(layer(inputs), layer(inputs, layer.initial_state(BATCH)))


def test_a_bidirectional_layer_runs_without_a_device() -> None:
    ahead, back = (layer_of(Case("lstm"), reverse=reverse) for reverse in (False, True))
    layer = Bidirectional(WeightDrop(ahead, 0.5), WeightDrop(back, 0.5)).to("meta")
    inputs = noise(TIME, BATCH, WIDTH).to("meta")
    outputs, last = layer(inputs, lengths=torch.tensor(LENGTHS, device="meta"))
    assert outputs.shape == (TIME, BATCH, 2 * HIDDEN)
    assert all(part.is_meta for part in leaves(last))


@pytest.mark.parametrize("connection", ["plain", "residual"])
def test_a_stack_that_reads_backwards(connection: str) -> None:
    forwards, backwards = (
        stack_of(connection=connection, reverse=reverse) for reverse in (False, True)
    )
    inputs = noise(TIME, BATCH, 6)
    outputs, last = forwards(inputs.flip(0))
    assert_same(backwards(inputs), (outputs.flip(0), last))
    with pytest.raises(ValueError, match="reverse cannot take effect"):
        stack_of(bidirectional=True, reverse=True)
