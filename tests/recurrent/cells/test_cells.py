"""Cells against their papers, against torch, and against themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqlstm.recurrent.catalogue import CELLS
from seqlstm.recurrent.cells.base import Cell, ElementwiseCell, GatedCell
from seqlstm.recurrent.cells.headwise import multiply
from seqlstm.recurrent.state import map_state, select
from tests.recurrent.cases import (
    BATCH,
    CASES,
    HIDDEN,
    TIME,
    WIDTH,
    Case,
    assert_same,
    every_cell,
    leaves,
    lived_in,
    noise,
    unroll,
)
from tests.recurrent.transcriptions import TRANSCRIPTIONS
from tests.recurrent.transcriptions.gates import gates_of

GATED = [case for case in CASES if isinstance(case.build(), GatedCell)]
every_gated_cell = pytest.mark.parametrize("case", GATED, ids=str)

ELEMENTWISE = [case for case in CASES if isinstance(case.build(), ElementwiseCell)]
every_elementwise_cell = pytest.mark.parametrize("case", ELEMENTWISE, ids=str)


@every_cell
def test_equals_the_paper(case: Case) -> None:
    cell = case.build()
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(cell, BATCH)
    outputs, last = unroll(cell, inputs, state)
    transcription = TRANSCRIPTIONS[case.kind](cell, case.options)
    for row in range(BATCH):
        start = tuple(part[row].tolist() for part in state)
        expected, end = transcription(inputs[:, row].tolist(), start)
        assert_same(outputs[:, row], torch.tensor(expected, dtype=torch.float64))
        assert_same(
            tuple(part[row] for part in last),
            tuple(torch.tensor(part, dtype=torch.float64) for part in end),
        )


def test_every_cell_has_a_case() -> None:
    assert {case.kind for case in CASES} == set(CELLS)


def copy_to_torch(cell: Cell, layer: nn.Module, order: tuple[str, ...]) -> None:
    """Gives torch's layer the cell's weights, gate after gate in torch's own order.

    Its second bias is zero, but for the candidate of a GRU, where it is a parameter of its own.
    """
    gates = gates_of(cell)
    stacked = [
        torch.cat([torch.tensor(part, dtype=torch.float64) for part in parts])
        for parts in zip(*(gates[name] for name in order), strict=True)
    ]
    second = torch.zeros_like(stacked[2])
    if hasattr(cell, "recurrent_bias"):
        second[-cell.hidden_size :] = cell.recurrent_bias
    with torch.no_grad():
        for name, value in zip(("weight_ih", "weight_hh", "bias_ih"), stacked, strict=True):
            getattr(layer, f"{name}_l0").copy_(value)
        layer.bias_hh_l0.copy_(second)


@pytest.mark.parametrize(
    ("case", "torchs", "order"),
    [
        (Case("lstm"), nn.LSTM, ("input", "forget", "candidate", "output")),
        (Case("gru", {"reset": "after"}), nn.GRU, ("reset", "update", "candidate")),
        (Case("elman"), nn.RNN, ("hidden",)),
    ],
    ids=["LSTM", "GRU", "RNN"],
)
def test_equals_torch(case: Case, torchs: type[nn.Module], order: tuple[str, ...]) -> None:
    cell = case.build()
    layer = torchs(WIDTH, HIDDEN).double()
    copy_to_torch(cell, layer, order)
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(cell, BATCH)
    with torch.no_grad():
        outputs, last = unroll(cell, inputs, state)
        first = tuple(part.unsqueeze(0) for part in state)
        expected, end = layer(inputs, first if len(first) > 1 else first[0])
    assert_same(outputs, expected)
    assert_same(last, tuple(part[0] for part in (end if len(first) > 1 else (end,))))


def test_the_two_grus_differ() -> None:
    before, after = (Case("gru", {"reset": reset}).build() for reset in ("before", "after"))
    assert hasattr(after, "recurrent_bias")
    assert not hasattr(before, "recurrent_bias")
    with torch.no_grad():
        for name in ("input", "recurrent", "bias"):
            getattr(before, name).copy_(getattr(after, name))
        after.recurrent_bias.zero_()
    inputs, state = noise(1, BATCH, WIDTH), lived_in(after, BATCH)
    difference = unroll(before, inputs, state)[0] - unroll(after, inputs, state)[0]
    assert difference.abs().max() > 1e-3


def test_gru_resets_after_the_product_by_default() -> None:
    assert hasattr(CELLS["gru"](WIDTH, HIDDEN), "recurrent_bias")


@every_cell
def test_shapes(case: Case) -> None:
    cell = case.build()
    projected = cell.project(noise(TIME, BATCH, WIDTH))
    assert (cell.input_size, cell.hidden_size) == (WIDTH, HIDDEN)
    assert projected.shape[:2] == (TIME, BATCH)
    output, state = cell.step(projected[0], cell.initial_state(BATCH))
    assert output.shape == (BATCH, HIDDEN)
    assert len(state) == len(cell.state_names)
    assert all(leaf.shape[0] == BATCH for leaf in leaves(state))


@every_cell
def test_the_output_is_the_part_of_the_state_named_h(case: Case) -> None:
    cell = case.build()
    output, state = cell.step(cell.project(noise(1, BATCH, WIDTH))[0], lived_in(cell, BATCH))
    assert "h" not in cell.state_names[1:]
    if "h" in cell.state_names:
        assert torch.equal(output, state[0])


@every_cell
def test_its_docstring_begins_with_its_paper(case: Case) -> None:
    cell = case.build()
    summary = (type(cell).__doc__ or "").split("\n\n")[0]
    assert cell.paper in summary
    assert str(cell.year) in summary


def units(tensor: Tensor) -> Tensor:
    """(..., multiple · hidden) as (..., multiple, hidden): the last axis is that of units."""
    return tensor.unflatten(-1, (-1, HIDDEN))


def by_unit(cell: Any, steps: int) -> tuple[Callable[..., list[Tensor]], list[Tensor]]:
    """A cell's equations as a function of units, and random arguments."""
    state = lived_in(cell, BATCH)
    projected = cell.project(noise(steps, BATCH, WIDTH))
    recurrent = noise(steps, *multiply(cell.recurrent_matrix(), cell.operand(state)).shape, seed=3)
    states = [part + noise(steps, 1, HIDDEN, seed=4).abs() for part in state]
    parts = [projected, recurrent, *states, *cell.elementwise_parameters()]

    def function(*parts: Tensor) -> list[Tensor]:
        projected, recurrent, *rest = (part.flatten(-2) for part in parts)
        state, parameters = (
            tuple(rest[: len(cell.state_names)]),
            tuple(rest[len(cell.state_names) :]),
        )
        output, after = cell.equations(projected, recurrent, state, parameters)
        return [output, *after]

    return function, [units(part.detach()) for part in parts]


@every_elementwise_cell
def test_equations_serve_many_steps_at_once(case: Case) -> None:
    cell = case.build()
    function, parts = by_unit(cell, TIME)
    for step in range(TIME):
        single = [part[step] if part.dim() == 4 else part for part in parts]
        assert_same(tuple(result[step] for result in function(*parts)), tuple(function(*single)))


@every_elementwise_cell
def test_equations_are_unit_by_unit(case: Case) -> None:
    cell = case.build()
    function, parts = by_unit(cell, 1)
    before = function(*parts)
    for part in parts:
        part[..., 0] += 0.5
    after = function(*parts)
    for one, other in zip(before, after, strict=True):
        assert_same(one[..., 1:], other[..., 1:])
    assert not torch.equal(before[0][..., 0], after[0][..., 0])


@every_cell
def test_step_has_the_gradient_of_its_equations(case: Case) -> None:
    cell = case.build()
    inputs = noise(1, 2, WIDTH).requires_grad_()
    state = map_state(lambda part: part.requires_grad_(), lived_in(cell, 2))

    def step(*_: Tensor) -> tuple[Tensor, ...]:
        output, last = cell.step(cell.project(inputs)[0], state)
        return output, *leaves(last)

    # The closure reads the very tensors that gradcheck varies in place.
    assert torch.autograd.gradcheck(step, (inputs, *leaves(state), *cell.parameters()))


@every_cell
def test_rows_do_not_see_each_other(case: Case) -> None:
    cell = case.build()
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(cell, BATCH)
    rows = torch.tensor([3, 0, 2, 1, 0])
    outputs, last = unroll(cell, inputs, state)
    permuted, permuted_last = unroll(cell, inputs[:, rows], select(state, rows))
    assert_same(permuted, outputs[:, rows])
    assert_same(permuted_last, select(last, rows))
