"""Cells against their papers, against torch, and against themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from seqlstm.recurrent.catalogue import CELLS
from seqlstm.recurrent.cell import Cell
from seqlstm.recurrent.state import map_state, select
from tests import oracles
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


def gates_of(cell: Cell) -> dict[str, oracles.Gate]:
    """A gated cell's parameters as lists, by gate."""
    count = len(cell.gates)
    parts = (cell.input.chunk(count), cell.recurrent.chunk(count), cell.bias.chunk(count))
    return {
        name: oracles.Gate(*(part.tolist() for part in gate))
        for name, *gate in zip(cell.gates, *parts, strict=True)
    }


def oracle(cell: Cell, case: Case) -> Callable[..., oracles.Result]:
    """The scalar transcription of a case, with the cell's weights: (inputs, state) -> result."""
    weights = gates_of(cell)
    if case.options.get("reset") == "after":
        bias = cell.recurrent_bias.tolist()
        return lambda inputs, state: oracles.gru_after(inputs, state, weights, bias)
    recurrence = {"lstm": oracles.lstm, "gru": oracles.gru_before, "elman": oracles.elman}
    return lambda inputs, state: recurrence[case.kind](inputs, state, weights)


@every_cell
def test_equals_the_paper(case: Case) -> None:
    cell = case.build()
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(cell, BATCH)
    outputs, last = unroll(cell, inputs, state)
    transcription = oracle(cell, case)
    for row in range(BATCH):
        start = tuple(part[row].tolist() for part in state)
        expected, end = transcription(inputs[:, row].tolist(), start)
        assert_same(outputs[:, row], torch.tensor(expected, dtype=torch.float64))
        assert_same(
            tuple(part[row] for part in last),
            tuple(torch.tensor(part, dtype=torch.float64) for part in end),
        )


def test_every_cell_is_tried_here() -> None:
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
        second[-cell.hidden :] = cell.recurrent_bias
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


def test_gru_resets_after_the_product_unless_told() -> None:
    assert hasattr(CELLS["gru"](WIDTH, HIDDEN), "recurrent_bias")


@every_cell
def test_shapes(case: Case) -> None:
    cell = case.build()
    projected = cell.project(noise(TIME, BATCH, WIDTH))
    assert (cell.width, cell.hidden) == (WIDTH, HIDDEN)
    assert projected.shape == (TIME, BATCH, len(cell.gates) * HIDDEN)
    output, state = cell.step(projected[0], cell.initial_state(BATCH))
    assert output.shape == (BATCH, HIDDEN)
    assert all(leaf.shape[0] == BATCH for leaf in leaves(state))


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


@every_cell
def test_first_state_is_zero(case: Case) -> None:
    state = case.build().initial_state(BATCH)
    assert all(not leaf.any() and leaf.dtype == torch.float64 for leaf in leaves(state))


@every_cell
def test_recurrent_weights_start_orthogonal_gate_by_gate(case: Case) -> None:
    cell = CELLS[case.kind](WIDTH, 8, **case.options).double()
    for gate in cell.recurrent.chunk(len(cell.gates)):
        assert_same(gate @ gate.T, torch.eye(8, dtype=torch.float64), rtol=0.0, atol=1e-5)


@every_cell
def test_biases_start_at_zero_but_for_the_forget_gate(case: Case) -> None:
    cell = CELLS[case.kind](WIDTH, HIDDEN, **case.options)
    biases = dict(zip(cell.gates, cell.bias.chunk(len(cell.gates)), strict=True))
    for name, bias in biases.items():
        assert bias.tolist() == [1.0 if name == "forget" else 0.0] * HIDDEN
    extra = [value for name, value in cell.named_parameters() if "bias" in name and name != "bias"]
    assert not any(value.any() for value in extra)


@pytest.mark.parametrize("bias", [1.0, 2.5])
def test_a_new_lstm_forgets_by_its_forget_bias_once(bias: float) -> None:
    cell = CELLS["lstm"](WIDTH, HIDDEN, forget_bias=bias)
    held = (torch.zeros(1, HIDDEN), torch.ones(1, HIDDEN))
    _, (_, remembered) = cell.step(cell.project(torch.zeros(1, 1, WIDTH))[0], held)
    assert_same(remembered, torch.tensor(bias).sigmoid().expand(1, HIDDEN), rtol=1e-6, atol=0.0)


@every_cell
def test_runs_without_a_device(case: Case) -> None:
    cell = case.build().to("meta")
    outputs, state = unroll(
        cell,
        torch.empty(TIME, BATCH, WIDTH, device="meta", dtype=torch.float64),
        cell.initial_state(BATCH),
    )
    assert outputs.is_meta
    assert outputs.shape == (TIME, BATCH, HIDDEN)
    assert all(leaf.is_meta for leaf in leaves(state))


@every_cell
def test_can_be_made_without_a_device(case: Case) -> None:
    with torch.device("meta"):
        cell = CELLS[case.kind](WIDTH, HIDDEN, **case.options)
    assert all(parameter.is_meta for parameter in cell.parameters())


@pytest.mark.parametrize("sizes", [(0, 4), (3, 0), (-1, 4)])
@pytest.mark.parametrize("kind", CELLS)
def test_sizes_are_positive(kind: str, sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"must be positive, was: (0|-1)"):
        CELLS[kind](*sizes)
