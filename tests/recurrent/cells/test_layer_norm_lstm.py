"""Layer normalization inside the recurrence: what it makes invariant, and where it starts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.cells.layer_norm_lstm import LayerNormLSTM
from tests.recurrent.cases import BATCH, HIDDEN, TIME, WIDTH, Case, assert_same, noise, unroll

# Rescaled sums are the same but for the small number that joins their variance.
NEARLY = {"rtol": 0.0, "atol": 1e-3}


def outputs(cell: Cell) -> Tensor:
    return unroll(cell, noise(TIME, BATCH, WIDTH), cell.initial_state(BATCH))[0].detach()


def layernorm(*, by_gate: bool = False) -> LayerNormLSTM:
    cell = Case("layer-norm", {"by_gate": by_gate}).build()
    assert isinstance(cell, LayerNormLSTM)
    return cell


@pytest.mark.parametrize("by_gate", [False, True])
@pytest.mark.parametrize("matrix", ["input", "recurrent"])
def test_the_size_of_a_matrix_does_not_matter(matrix: str, by_gate: bool) -> None:
    cell = layernorm(by_gate=by_gate)
    before = outputs(cell)
    with torch.no_grad():
        getattr(cell, matrix).mul_(3.0)
    assert_same(outputs(cell), before, **NEARLY)


@pytest.mark.parametrize("by_gate", [False, True])
def test_the_size_of_one_gates_rows_matters_unless_each_gate_has_a_norm(by_gate: bool) -> None:
    cell = layernorm(by_gate=by_gate)
    before = outputs(cell)
    cell.gate(cell.input, "output").mul_(3.0)
    change = (outputs(cell) - before).abs().max()
    assert change < 1e-3 if by_gate else change > 0.05


def test_a_shift_of_all_sums_does_not_matter() -> None:
    cell = layernorm()
    before = outputs(cell)
    with torch.no_grad():
        cell.input.add_(noise(WIDTH, seed=3))
        cell.recurrent.add_(noise(HIDDEN, seed=4))
    assert_same(outputs(cell), before, **NEARLY)


def test_the_memory_is_carried_as_it_was_before_its_norm() -> None:
    cell = layernorm()
    state = (noise(BATCH, HIDDEN, seed=3), noise(BATCH, HIDDEN, seed=4))
    output, (h, c) = cell.step(cell.project(noise(1, BATCH, WIDTH))[0], state)
    with torch.no_grad():
        cell.memory_scale.mul_(2.0)
        cell.memory_bias.add_(1.0)
    other, (_, same) = cell.step(cell.project(noise(1, BATCH, WIDTH))[0], state)
    assert_same(c, same)
    assert_same(output, h)
    assert not torch.allclose(output, other)


def test_starts_with_plain_norms() -> None:
    cell = LayerNormLSTM(WIDTH, HIDDEN)
    for scale in (cell.input_scale, cell.recurrent_scale, cell.memory_scale):
        assert (scale == 1.0).all()


@pytest.mark.parametrize("bias", [1.0, 2.5])
def test_a_new_cell_forgets_by_its_forget_bias_once(bias: float) -> None:
    cell = LayerNormLSTM(WIDTH, HIDDEN, forget_bias=bias)
    held = (torch.zeros(1, HIDDEN), torch.ones(1, HIDDEN))
    _, (_, remembered) = cell.step(cell.project(torch.zeros(1, 1, WIDTH))[0], held)
    assert_same(remembered, torch.tensor(bias).sigmoid().expand(1, HIDDEN), rtol=1e-6, atol=0.0)


def test_gradients_are_finite_from_a_state_of_zeros() -> None:
    cell = LayerNormLSTM(WIDTH, HIDDEN)
    inputs = torch.zeros(TIME, 2, WIDTH)
    inputs[1:, 1] = 1.0
    unroll(cell, inputs, cell.initial_state(2))[0].sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in cell.parameters())
