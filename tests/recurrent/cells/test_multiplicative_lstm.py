"""The multiplicative LSTM: a transition for each input, and its two outputs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.cells.lstm import LSTM
from seqlstm.recurrent.cells.multiplicative_lstm import MultiplicativeLSTM
from tests.recurrent.cases import BATCH, HIDDEN, TIME, WIDTH, Case, assert_same, noise, unroll


def outputs(cell: Cell, inputs: Tensor) -> Tensor:
    return unroll(cell, inputs, cell.initial_state(BATCH))[0].detach()


def multiplicative(output: str = "standard") -> MultiplicativeLSTM:
    cell = Case("multiplicative", {"output": output}).build()
    assert isinstance(cell, MultiplicativeLSTM)
    return cell


def test_is_an_lstm_where_m_is_the_last_output() -> None:
    cell, lstm = multiplicative(), LSTM(WIDTH, HIDDEN).double()
    inputs = noise(TIME, BATCH, WIDTH)
    inputs[..., 0] = 1.0  # so that W_m x can be 1 for every unit
    cell.from_input.data.zero_()[:, 0] = 1.0
    cell.from_state.data.copy_(torch.eye(HIDDEN))
    lstm.load_state_dict({name: cell.state_dict()[name] for name in lstm.state_dict()})
    assert_same(outputs(cell, inputs), outputs(lstm, inputs))


def test_an_input_without_m_lets_nothing_of_the_last_output_through() -> None:
    cell = multiplicative()
    cell.from_input.data[:, 0] = 0.0
    silent = torch.zeros(BATCH, WIDTH, dtype=torch.float64)
    silent[:, 0] = 1.0
    memory = noise(BATCH, HIDDEN)
    projected = cell.project(silent)
    one, other = (cell.step(projected, (noise(BATCH, HIDDEN, seed=s), memory))[0] for s in (3, 4))
    assert_same(one, other)


def test_the_two_outputs_differ_in_the_place_of_the_output_gate() -> None:
    state = (noise(BATCH, HIDDEN, seed=3), noise(BATCH, HIDDEN, seed=4))
    inputs = noise(BATCH, WIDTH)
    standard, paper = multiplicative("standard"), multiplicative("paper")
    h, (_, c) = standard.step(standard.project(inputs), state)
    h_paper, (_, same) = paper.step(paper.project(inputs), state)
    assert_same(c, same)
    gate = h / c.tanh()
    assert ((gate > 0) & (gate < 1)).all()
    assert_same(h_paper, (c * gate).tanh())


@pytest.mark.parametrize("bias", [1.0, 2.5])
def test_a_new_cell_forgets_by_its_forget_bias_once(bias: float) -> None:
    cell = MultiplicativeLSTM(WIDTH, HIDDEN, forget_bias=bias)
    held = (torch.zeros(1, HIDDEN), torch.ones(1, HIDDEN))
    _, (_, remembered) = cell.step(cell.project(torch.zeros(1, 1, WIDTH))[0], held)
    assert_same(remembered, torch.tensor(bias).sigmoid().expand(1, HIDDEN), rtol=1e-6, atol=0.0)


def test_another_output_is_refused() -> None:
    with pytest.raises(ValueError, match='output must be "standard" or "paper", was: \'tanh\''):
        MultiplicativeLSTM(WIDTH, HIDDEN, output="tanh")  # type: ignore[arg-type]
