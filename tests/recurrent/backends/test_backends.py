"""Every backend equals the loop in outputs, last state and all gradients."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor

from seqlstm.recurrent.backends import BACKENDS, Call
from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.state import State, map_state
from tests.recurrent.cases import (
    BATCH,
    CASES,
    LENGTHS,
    TIME,
    WIDTH,
    Case,
    assert_same,
    every_cell,
    gradients,
    leaves,
    lived_in,
    noise,
    unroll,
)

PLAIN = Call()
CALLS = [
    Call(lengths=lengths, resets=resets, return_state=return_state)
    for lengths, resets, return_state in product([False, True], repeat=3)
]
RESETS = noise(TIME, BATCH, seed=8) > 0.7

TOLERANCE = {
    torch.float64: {"rtol": 1e-9, "atol": 1e-11},
    torch.float32: {"rtol": 1e-4, "atol": 1e-5},
}
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.cuda,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
        ],
    ),
]


@pytest.fixture(autouse=True)
def exact_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default cuDNN rounds float32 factors to TF32, which has 10 bits."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def serving(*calls: Call) -> pytest.MarkDecorator:
    """Every backend except the loop, with every cell and call that it supports."""
    triples = [
        pytest.param(name, case, call, id=f"{name}-{case}-{shown(call)}")
        for (name, backend), case, call in product(BACKENDS.items(), CASES, calls)
        if name != "loop" and backend.unsupported_reason(case.build(), call) is None
    ]
    return pytest.mark.parametrize(("name", "case", "call"), triples)


def shown(call: Call) -> str:
    """The properties of a call, for the name of a test."""
    return "+".join(name for name in ("lengths", "resets", "return_state") if getattr(call, name))


def prepared(
    case: Case, *, dtype: torch.dtype = torch.float64, device: str = "cpu"
) -> tuple[Cell, Tensor, State]:
    """A cell, its inputs and a state before the first step, all with requires_grad."""
    cell = case.build()
    state = lived_in(cell, BATCH)
    inputs = noise(TIME, BATCH, WIDTH).to(device, dtype).requires_grad_()
    state = map_state(lambda part: part.to(device, dtype).requires_grad_(), state)
    return cell.to(device, dtype), inputs, state


def compare(
    name: str, cell: Cell, inputs: Tensor, state: State, call: Call = PLAIN, **tolerance: float
) -> None:
    """The backend and the loop have the same results and the same gradients."""
    lengths = torch.tensor(LENGTHS, device=inputs.device) if call.lengths else None
    resets = RESETS.to(inputs.device) if call.resets else None
    wanted = [inputs, *leaves(state), *cell.parameters()]

    def run(backend: str) -> tuple[Tensor, State]:
        outputs, last = BACKENDS[backend].run(cell, inputs, state, lengths=lengths, resets=resets)
        assert outputs.isfinite().all()
        return masked(outputs, lengths), last if call.return_state else ()

    assert_same(run(name), run("loop"), **tolerance)
    ours = gradients(lambda: run(name), wanted)
    assert_same(ours, gradients(lambda: run("loop"), wanted), **tolerance)
    assert lengths is None or not ours[0][ended(inputs, lengths)].any()


@serving(PLAIN)
@pytest.mark.parametrize("lengths", [None, LENGTHS, [7, 7, 7, 7], [0, 2, 7, 0]], ids=str)
def test_run_reverse_is_run_over_reversed_rows(
    name: str, case: Case, call: Call, lengths: list[int] | None
) -> None:
    cell, inputs, state = prepared(case)
    ends = None if lengths is None else torch.tensor(lengths)
    supports_state = (
        BACKENDS[name].unsupported_reason(cell, Call(lengths=lengths is not None)) is None
    )
    wanted = [inputs, *leaves(state), *cell.parameters()]

    def reverse(sequence: Tensor) -> Tensor:
        rows = [
            torch.cat([row[:end].flip(0), row[end:]])
            for row, end in zip(sequence.unbind(1), lengths or [TIME] * BATCH, strict=True)
        ]
        return torch.stack(rows, 1)

    def ours() -> tuple[Tensor, State]:
        outputs, last = BACKENDS[name].run_reverse(
            cell, inputs, state, lengths=ends, return_state=supports_state
        )
        return masked(outputs, ends), last if supports_state else ()

    def definition() -> tuple[Tensor, State]:
        outputs, last = BACKENDS["loop"].run(cell, reverse(inputs), state, lengths=ends)
        return masked(reverse(outputs), ends), last if supports_state else ()

    assert_same(ours(), definition())
    assert_same(gradients(ours, wanted), gradients(definition, wanted))
    outputs, _ = BACKENDS[name].run_reverse(cell, inputs, state, lengths=ends, return_state=False)
    assert_same((masked(outputs, ends),), (definition()[0],))


def ended(sequence: Tensor, lengths: Tensor) -> Tensor:
    """True at padding, (time, batch)."""
    return torch.arange(len(sequence), device=sequence.device).unsqueeze(1) >= lengths


def masked(outputs: Tensor, lengths: Tensor | None) -> Tensor:
    """The outputs with zeros at padding, where they are undefined."""
    if lengths is None:
        return outputs
    return outputs.masked_fill(ended(outputs, lengths).unsqueeze(-1), 0.0)


@every_cell
def test_the_loop_is_the_recurrence(case: Case) -> None:
    cell, inputs, state = prepared(case)
    assert_same(BACKENDS["loop"].run(cell, inputs, state), unroll(cell, inputs, state))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@serving(*CALLS)
def test_equals_the_loop(
    name: str, case: Case, call: Call, dtype: torch.dtype, device: str
) -> None:
    compare(name, *prepared(case, dtype=dtype, device=device), call, **TOLERANCE[dtype])


@serving(PLAIN)
def test_equals_the_loop_for_one_step_and_for_one_row(name: str, case: Case, call: Call) -> None:
    cell, inputs, state = prepared(case)
    # Sliced before requires_grad: the backend's arguments are leaves of the graph.
    compare(name, cell, inputs.detach()[:1].requires_grad_(), state, call)
    row = map_state(lambda part: part.detach()[:1].requires_grad_(), state)
    compare(name, cell, inputs.detach()[:, :1].requires_grad_(), row, call)


@serving(PLAIN)
def test_equals_the_loop_for_inputs_in_another_memory_order(
    name: str, case: Case, call: Call
) -> None:
    cell, _, state = prepared(case)
    inputs = noise(BATCH, TIME, WIDTH).transpose(0, 1).requires_grad_()
    assert not inputs.is_contiguous()
    compare(name, cell, inputs, state, call)


@pytest.mark.parametrize("device", DEVICES)
@serving(PLAIN)
def test_equals_the_loop_in_evaluation(name: str, case: Case, call: Call, device: str) -> None:
    cell, inputs, state = prepared(case, device=device)
    compare(name, cell.eval(), inputs, state, call)
    with torch.inference_mode():
        ours, definition = (BACKENDS[one].run(cell, inputs, state) for one in (name, "loop"))
        assert_same(ours, definition)


@pytest.mark.parametrize("device", DEVICES)
@serving(PLAIN)
def test_is_close_to_the_loop_under_autocast(
    name: str, case: Case, call: Call, device: str
) -> None:
    cell, inputs, state = prepared(case, dtype=torch.float32, device=device)
    wanted = [inputs, *leaves(state), *cell.parameters()]

    def exact() -> tuple[Tensor, State]:
        return BACKENDS["loop"].run(cell, inputs, state)

    def rounded() -> tuple[Tensor, State]:
        with torch.autocast(device, torch.bfloat16):
            outputs, last = BACKENDS[name].run(cell, inputs, state)
        assert all(part.dtype == torch.float32 for part in leaves(last))
        return outputs.float(), last

    with torch.autocast(device, torch.bfloat16):
        refused = BACKENDS[name].unsupported_reason(cell, call) is not None
    if refused:  # so this processor cannot compute it
        with pytest.raises(RuntimeError):
            rounded()
        return
    assert_same(rounded(), exact(), rtol=0.05, atol=0.05)
    for near, true in zip(gradients(rounded, wanted), gradients(exact, wanted), strict=True):
        assert (near - true).norm() <= 0.05 * true.norm()


@every_cell
def test_states_stay_in_float32_under_autocast(case: Case) -> None:
    cell, inputs, state = prepared(case, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        _, last = BACKENDS["loop"].run(cell, inputs, state)
    assert all(part.dtype == torch.float32 for part in leaves(last))


@serving(PLAIN)
def test_the_last_state_is_no_view_of_all_steps(name: str, case: Case, call: Call) -> None:
    cell, inputs, state = prepared(case)
    with torch.no_grad():
        _, last = BACKENDS[name].run(cell, inputs, state)
    for part in leaves(last):
        assert part.untyped_storage().nbytes() == part.numel() * part.element_size()


@serving(PLAIN)
def test_an_empty_batch_goes_through(name: str, case: Case, call: Call) -> None:
    cell = case.build()
    inputs = noise(TIME, 0, WIDTH).requires_grad_()
    outputs, _ = BACKENDS[name].run(cell, inputs, cell.initial_state(0))
    outputs.sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.shape == (TIME, 0, WIDTH)
