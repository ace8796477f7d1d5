"""Layers whose cell has zoneout, and what zoneout refuses."""

from __future__ import annotations

import pytest
import torch

from seqlstm.recurrent.layer import Recurrent, WeightDrop
from seqlstm.recurrent.state import select
from tests.recurrent.cases import (
    BATCH,
    HIDDEN,
    LENGTHS,
    TIME,
    WIDTH,
    Case,
    assert_same,
    every_cell,
    leaves,
    lived_in,
    noise,
    padded,
)
from tests.recurrent.cells.test_zoneout import LSTM, zoned


@every_cell
def test_padded_equals_alone_and_pieces_the_whole(case: Case) -> None:
    layer = Recurrent(zoned(case)).eval()
    inputs, lengths = padded()
    state = lived_in(layer.cell, BATCH)
    outputs, last = layer(inputs, state, lengths=lengths)
    for row, length in enumerate(LENGTHS):
        index, after, pieces = torch.tensor([row]), select(state, torch.tensor([row])), []
        for piece in inputs[:length, index].split(2):
            read, after = layer(piece, after)
            pieces.append(read)
        assert_same(outputs[:length, index], torch.cat(pieces))
        assert_same(select(last, index), after)


@every_cell
def test_runs_without_a_device(case: Case) -> None:
    layer = Recurrent(zoned(case)).to("meta")
    inputs = torch.empty(TIME, BATCH, WIDTH, device="meta", dtype=torch.float64)
    outputs, last = layer(inputs, lengths=torch.tensor(LENGTHS, device="meta"))
    assert outputs.shape == (TIME, BATCH, HIDDEN)
    assert all(part.is_meta for part in [outputs, *leaves(last)])


def test_weight_drop_reaches_into_it() -> None:
    bare, wrapped = Case("lstm").build(), zoned(LSTM)
    inputs = noise(TIME, BATCH, WIDTH)
    dropped = [WeightDrop(Recurrent(cell), 0.5).train() for cell in (bare, wrapped)]
    wrapped.probabilities = dict.fromkeys(wrapped.probabilities, 0.0)
    outputs = []
    for layer in dropped:
        layer.layer.cell.train()
        torch.manual_seed(3)
        outputs.append(layer(inputs))
    assert_same(outputs[0], outputs[1])
    assert (outputs[0][0] - Recurrent(bare)(inputs)[0]).abs().max() > 1e-3


# What it refuses.


@pytest.mark.parametrize(
    ("case", "shares", "problem"),
    [
        (LSTM, {"hidden": 1.0}, r"zoneout's hidden must be in \[0, 1\), was: 1.0"),
        (LSTM, {"memory": -0.1}, r"zoneout's memory must be in \[0, 1\), was: -0.1"),
        (
            Case("elman"),
            {"memory": 0.1},
            "cannot take effect: Elman has only h in its state",
        ),
        (Case("mingru"), {"hidden": 0.1, "memory": 0.1}, "MinGRU has only h in its state"),
        (Case("mlstm"), {"hidden": 0.1}, "hidden cannot take effect: MLSTM has no h in its state"),
    ],
)
def test_refusals(case: Case, shares: dict[str, float], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        zoned(case, **shares)
