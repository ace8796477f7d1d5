"""How cells begin: their first state, their parameters, and what they refuse to be made of."""

from __future__ import annotations

import inspect
import math

import pytest
import torch

from seqlstm.recurrent.catalogue import CELLS
from seqlstm.recurrent.cells.base import GatedCell
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
    unroll,
)

GATED = [case for case in CASES if isinstance(case.build(), GatedCell)]
every_gated_cell = pytest.mark.parametrize("case", GATED, ids=str)


@every_cell
def test_first_state_is_zero(case: Case) -> None:
    cell = case.build()
    for name, part in zip(cell.state_names, cell.initial_state(BATCH), strict=True):
        # The stabiliser of exponential gates: nothing has been seen, so the maximum of nothing.
        assert (part == (-math.inf if name == "m" else 0.0)).all()
        assert part.dtype == torch.float64


@every_gated_cell
def test_recurrent_weights_start_orthogonal_gate_by_gate(case: Case) -> None:
    cell = CELLS[case.kind](WIDTH, 8, **case.options).double()
    size = cell.recurrent.shape[-1]  # of a head, where there are several
    for gate in cell.recurrent.reshape(-1, size, size):
        assert_same(gate @ gate.T, torch.eye(size, dtype=torch.float64), rtol=0.0, atol=1e-5)


@every_gated_cell
def test_biases_start_at_zero_but_for_the_gate_that_forgets(case: Case) -> None:
    cell = CELLS[case.kind](WIDTH, HIDDEN, **case.options)
    forgetting = "input" if case.options.get("variant") == "CIFG" else "forget"
    for name, bias in zip(cell.gates, cell.bias.chunk(len(cell.gates)), strict=True):
        assert bool(bias.any()) == (name == forgetting)
    extra = [value for name, value in cell.named_parameters() if "bias" in name and name != "bias"]
    assert not any(value.any() for value in extra)


@pytest.mark.parametrize("bias", [1.0, 2.5])
@pytest.mark.parametrize(
    "case",
    [
        Case("lstm"),
        Case("peephole"),
        Case("cifg"),
        Case("odyssey", {"variant": "V"}),
        Case("odyssey", {"variant": "CIFG"}),
        Case("odyssey", {"variant": "FGR"}),
        Case("layer-norm"),
        Case("mogrifier"),
        Case("multiplicative"),
    ],
    ids=str,
)
def test_a_new_cell_forgets_by_its_forget_bias_once(case: Case, bias: float) -> None:
    cell = CELLS[case.kind](WIDTH, HIDDEN, **case.options, forget_bias=bias)
    held = tuple(torch.full((1, HIDDEN), float(name == "c")) for name in cell.state_names)
    _, (_, remembered, *_) = cell.step(cell.project(torch.zeros(1, 1, WIDTH))[0], held)
    assert_same(remembered, torch.tensor(bias).sigmoid().expand(1, HIDDEN), rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_starts_with_a_forget_bias_of_one(kind: str) -> None:
    option = inspect.signature(CELLS[kind]).parameters.get("forget_bias")
    assert option is None or option.default == 1.0


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
@every_cell
def test_sizes_are_positive(case: Case, sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"must be .*, was: (0|-1)"):
        CELLS[case.kind](*sizes, **case.options)


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("lstm-1997", {"squash": "sigmoid"}, 'squash must be "tanh" or "1997", was: \'sigmoid\''),
        ("peephole", {"output": "relu"}, 'output must be "tanh" or "identity", was: \'relu\''),
        ("peephole", {"recurrence": "h"}, 'recurrence must be "output" or "cell", was: \'h\''),
        ("odyssey", {"variant": "CIF"}, "variant must be one of V, .*, FGR, was: 'CIF'"),
        ("time-aware", {"decay": "exp"}, 'decay must be "log" or "inverse", was: \'exp\''),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_ones(
    kind: str, options: dict[str, str], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        CELLS[kind](WIDTH, HIDDEN, **options)
