"""The minimal cells, and the backend that runs whatever is linear in its state."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqlstm.recurrent.backends import BACKENDS, choose
from seqlstm.recurrent.backends.base import Call
from seqlstm.recurrent.backends.scan import LinearRecurrence
from seqlstm.recurrent.catalogue import CELLS
from seqlstm.recurrent.cells.base import LinearCell
from tests.recurrent.cases import (
    BATCH,
    CASES,
    HIDDEN,
    TIME,
    WIDTH,
    Case,
    assert_same,
    lived_in,
    noise,
    unroll,
)

every_case = pytest.mark.parametrize(
    "case", [case for case in CASES if isinstance(case.build(), LinearCell)], ids=str
)


@every_case
def test_the_state_is_a_mean_of_candidates(case: Case) -> None:
    cell = case.build()
    a, b = cell.coefficients(cell.project(noise(TIME, BATCH, WIDTH)))
    _, candidates = cell.project(noise(TIME, BATCH, WIDTH)).split(
        [a.shape[-1] * (len(cell.gates) - 1), a.shape[-1]], dim=-1
    )
    assert ((a > 0) & (a < 1)).all()
    assert_same(b, (1 - a) * cell.candidate(candidates))


@pytest.mark.parametrize("kind", ["mingru", "minlstm"])
def test_positive_candidates_are_positive_and_continuous(kind: str) -> None:
    cell = CELLS[kind](WIDTH, HIDDEN, positive=True).double()
    values = torch.tensor([-50.0, -1.0, -1e-9, 0.0, 1e-9, 3.0], dtype=torch.float64)
    result = cell.candidate(values)
    assert (result > 0).all()
    assert (result.diff() > 0).all()
    assert result[3] == 0.5
    assert result[5] == 3.5
    assert_same(result[1], torch.tensor(-1.0, dtype=torch.float64).sigmoid())
    assert torch.equal(CELLS[kind](WIDTH, HIDDEN).candidate(values), values)


def test_minlstm_divides_by_gates_that_underflow() -> None:
    cell = CELLS["minlstm"](WIDTH, HIDDEN)
    projected = torch.tensor([-300.0, -301.0, 1.0]).repeat_interleave(HIDDEN)
    a, b = cell.coefficients(projected)
    assert_same(a, torch.tensor(1.0).sigmoid().expand(HIDDEN), rtol=1e-5, atol=0.0)
    assert_same(b, torch.tensor(-1.0).sigmoid().expand(HIDDEN), rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("bias", [None, 2.5])
def test_a_minlstm_starts_by_forgetting_little(bias: float | None) -> None:
    cell = CELLS["minlstm"](WIDTH, HIDDEN, **({} if bias is None else {"forget_bias": bias}))
    assert (cell.bias.chunk(3)[0] == (bias or 1.0)).all()
    assert not cell.bias.detach()[HIDDEN:].any()
    assert not CELLS["mingru"](WIDTH, HIDDEN).bias.any()


@every_case
def test_gates_are_in_float32_under_autocast(case: Case) -> None:
    cell = case.build().float()
    with torch.no_grad():
        cell.bias[:HIDDEN] = {"mingru": -9.0, "minlstm": 9.0}[case.kind]
        cell.input.zero_()
    with torch.autocast("cpu", torch.bfloat16):
        a, _ = cell.coefficients(cell.project(noise(1, 1, WIDTH).float()))
    # bfloat16 would round it to 1: a memory without end.
    assert a.dtype == torch.float32
    assert (a < 1).all()


@every_case
def test_scan_serves_linear_cells_in_every_call(case: Case) -> None:
    for call in (Call(), Call(lengths=True, resets=True, return_state=True)):
        assert choose(case.build(), call).backend.name == "scan"


def test_scan_refuses_what_is_not_linear_or_has_another_step() -> None:
    refusal = BACKENDS["scan"].unsupported_reason(CELLS["lstm"](WIDTH, HIDDEN), Call())
    assert refusal == "LSTM is not linear in its state"

    class Clipped(CELLS["mingru"]):  # type: ignore[misc]
        def step(self, projected: Tensor, state: tuple[Tensor]) -> tuple[Tensor, tuple[Tensor]]:
            h, _ = super().step(projected, state)
            return h.clamp(-1, 1), (h.clamp(-1, 1),)

    assert BACKENDS["scan"].unsupported_reason(Clipped(WIDTH, HIDDEN), Call()) is not None


def test_the_recurrence_has_the_gradient_of_its_outputs() -> None:
    a, b, first = noise(5, 2, 3), noise(5, 2, 3, seed=2), noise(2, 3, seed=3)
    tensors = tuple(part.requires_grad_() for part in (a, b, first))
    assert torch.autograd.gradcheck(LinearRecurrence.apply, tensors)


@every_case
def test_a_gradient_of_the_last_state_alone(case: Case) -> None:
    cell = case.build()
    inputs, state = noise(TIME, BATCH, WIDTH).requires_grad_(), lived_in(cell, BATCH)
    result, expected = (
        torch.autograd.grad(run(cell, inputs, state)[1][0].square().sum(), inputs)
        for run in (BACKENDS["scan"].run, unroll)
    )
    assert_same(result, expected)
