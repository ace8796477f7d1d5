"""Generated C code does not read outside of tensors, keep deleted cells, or round exact values."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.kernels import compiler
from seqlstm.recurrent.backends import BACKENDS, Call
from seqlstm.recurrent.backends.native import codegen
from seqlstm.recurrent.backends.native.tracing import UntraceableError, trace
from seqlstm.recurrent.cells.lstm import LSTM
from seqlstm.recurrent.cells.peephole import PeepholeLSTM
from seqlstm.recurrent.cells.zoneout import zoneout
from seqlstm.recurrent.state import State, map_state
from tests.recurrent.backends.test_backends import compare
from tests.recurrent.backends.test_native import Applied, Function, results
from tests.recurrent.cases import BATCH, HIDDEN, TIME, WIDTH, Case, leaves, lived_in, noise

pytestmark = pytest.mark.skipif(
    codegen.unavailable_reason() is not None, reason=str(codegen.unavailable_reason())
)

COMPILED = BACKENDS["native"]
RESETS = noise(TIME, BATCH, seed=8) > 0.7


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inputs": noise(0, BATCH, WIDTH)}, "there must be at least one step"),
        ({"inputs": noise(TIME, BATCH + 1, WIDTH)}, "each part of the state"),
        ({"state": (noise(BATCH, HIDDEN).float(),) * 2}, "each part of the state"),
        ({"state": (noise(1, HIDDEN),) * 2}, "each part of the state"),
        ({"lengths": torch.tensor([2])}, "lengths must be"),
        ({"resets": RESETS[:, :1]}, "resets must be"),
        ({"resets": RESETS[:1]}, "resets must be"),
    ],
)
def test_wrong_sizes_and_types_are_refused(changes: dict[str, Any], words: str) -> None:
    cell = Case("lstm").build()
    call = {"inputs": noise(TIME, BATCH, WIDTH), "state": cell.initial_state(BATCH), **changes}
    with pytest.raises(ValueError, match=words):
        COMPILED.run(cell, **call)


@pytest.mark.parametrize(
    ("lengths", "resets"),
    [
        (torch.tensor([0, 7, 1, 3], dtype=torch.int32), None),
        (None, RESETS.long()),
        (torch.tensor([5, 0, 7, 2]), RESETS.double()),
    ],
)
def test_masks_of_any_type_mean_the_same(lengths: Tensor | None, resets: Tensor | None) -> None:
    cell, inputs = Case("peephole").build(), noise(TIME, BATCH, WIDTH)
    state = lived_in(cell, BATCH)
    result = COMPILED.run(cell, inputs, state, lengths=lengths, resets=resets)[1]
    true = None if resets is None else resets.bool()
    expected = BACKENDS["loop"].run(cell, inputs, state, lengths=lengths, resets=true)[1]
    torch.testing.assert_close(leaves(result), leaves(expected), rtol=1e-12, atol=1e-12)


class Expanded(LSTM):
    """An LSTM whose initial state is an expanded view of one row."""

    def initial_state(self, batch: int) -> State:
        row = torch.linspace(0.1, 0.9, self.hidden_size).to(self.bias)
        return row.expand(batch, -1), row.expand(batch, -1)


def test_a_state_may_be_a_view() -> None:
    cell = Expanded(WIDTH, HIDDEN).double()
    inputs = noise(TIME, BATCH, WIDTH).requires_grad_()
    state = map_state(lambda part: part.requires_grad_(), lived_in(cell, BATCH))
    compare("native", cell, inputs, state, Call(resets=True))
    wide = noise(HIDDEN, BATCH).t().requires_grad_()
    assert not wide.is_contiguous()
    compare("native", cell, inputs, (wide, wide))


def test_masks_that_change_before_the_backward_pass_are_noticed() -> None:
    cell, lengths = Case("lstm").build(), torch.tensor([5, 7, 1, 3])
    outputs, _ = COMPILED.run(
        cell, noise(TIME, BATCH, WIDTH), cell.initial_state(BATCH), lengths=lengths
    )
    lengths.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()


def test_parameters_may_be_frozen_and_the_backward_pass_repeated() -> None:
    cell = Case("peephole").build()
    cell.recurrent.requires_grad_(False)
    outputs, _ = COMPILED.run(cell, noise(TIME, BATCH, WIDTH), cell.initial_state(BATCH))
    loss = outputs.square().sum()
    first, second = (
        torch.autograd.grad(loss, [cell.input, cell.peephole], retain_graph=True) for _ in range(2)
    )
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_lerp_with_a_weight_of_zero_or_one_is_exact() -> None:
    fresh, past = torch.tensor([[0.9, 1e6, 1e8, 0.3]]), torch.tensor([[1e-8, 0.1, 1.0, -0.7]])
    for weight, expected in ((0.0, fresh), (1.0, past)):
        outputs = results(lambda x, y, w=weight: torch.lerp(x, y, w + 0 * y), fresh, past, "native")
        assert torch.equal(outputs[0][0], expected)


def test_zoneout_keeps_old_values_bit_for_bit() -> None:
    cell = zoneout(LSTM(WIDTH, 64), hidden=0.5)
    torch.manual_seed(1)
    outputs, _ = COMPILED.run(cell, noise(40, 8, WIDTH).float(), cell.initial_state(8))
    kept = (outputs[1:] == outputs[:-1]).float().mean()
    assert 0.48 < kept < 0.52


def test_exponentials_up_to_the_last_that_is_finite() -> None:
    inputs = torch.linspace(87, 88.72, 4000).unsqueeze(1)
    result, expected = (
        results(lambda x, y: x.exp(), inputs, torch.zeros_like(inputs), backend)[0]
        for backend in ("native", "loop")
    )
    assert result.isfinite().all()
    torch.testing.assert_close(result, expected, rtol=2e-6, atol=0)


@pytest.mark.parametrize("name", ["log", "log1p"])
def test_logarithms_of_the_smallest_and_the_largest(name: str) -> None:
    inputs = torch.tensor([[1e-44], [1e-40], [1e-38], [3e38], [3.402e38], [torch.inf], [0.0]])
    result, expected = (
        results(lambda x, y: getattr(x, name)(), inputs, torch.zeros_like(inputs), backend)[0]
        for backend in ("native", "loop")
    )
    torch.testing.assert_close(result, expected, rtol=1e-6, atol=3e-45)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x, y: torch.cat([x, x], -1)[..., 1:41], "a slice from 1"),
        (lambda x, y: torch.cat([x, x], -1)[..., ::2], "torch's slice"),
        (lambda x, y: torch.cat([x, x], -1).view(-1, 40, 2).split(1, -1)[0][0].view(1, 40), "view"),
        (lambda x, y: torch.clamp(x, min=y), "clamp by a tensor"),
    ],
)
def test_operations_across_units_are_refused(function: Function, words: str) -> None:
    with pytest.raises(UntraceableError, match=words):
        trace(Applied(function, 40))


def test_a_refused_cell_can_be_deleted() -> None:
    cell = Applied(lambda x, y: torch.erf(x), 8)
    assert COMPILED.unsupported_reason(cell, Call()) == "the equations use torch's erf"
    watched = weakref.ref(cell)
    del cell
    gc.collect()
    assert watched() is None


def test_equations_follow_the_type() -> None:
    cell = zoneout(Case("slstm").build(), memory=0.3)
    assert COMPILED.unsupported_reason(cell, Call()) is None  # its text has the limits of float64
    cell.float()
    inputs = noise(TIME, BATCH, WIDTH).float()
    outputs, last = COMPILED.run(cell, inputs, cell.initial_state(BATCH))
    assert outputs.isfinite().all()
    assert all(part.isfinite().all() for part in leaves(last))


def test_a_cell_made_in_inference_mode_is_served() -> None:
    with torch.inference_mode():
        cell = PeepholeLSTM(WIDTH, HIDDEN)
        assert COMPILED.unsupported_reason(cell, Call()) is None


@pytest.mark.parametrize("march", ["x86-64", "x86-64-v3"])
@pytest.mark.parametrize("kind", ["lstm", "slstm"])
def test_other_processors_compute_the_same(
    march: str,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    clear_native_cache: Callable[[], None],
) -> None:
    """Narrower vectors, and products of bfloat16 without an instruction for them."""
    cell = Case(kind).build(hidden=9).float()
    inputs = noise(TIME, BATCH, WIDTH).float()

    def run(*, rounded: bool) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=rounded):
            return COMPILED.run(cell, inputs, cell.initial_state(BATCH))[0].float()

    native = [run(rounded=rounded) for rounded in (False, True)]
    flags = [f"-march={march}" if flag == "-march=native" else flag for flag in compiler.FLAGS]
    monkeypatch.setattr(compiler, "FLAGS", tuple(flags))
    clear_native_cache()
    portable = [run(rounded=rounded) for rounded in (False, True)]
    torch.testing.assert_close(portable[0], native[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(portable[1], native[1], rtol=0.02, atol=0.02)


@pytest.mark.parametrize("kind", ["gru", "time-aware", "peephole", "odyssey", "slstm"])
def test_odd_sizes_in_bfloat16_with_lengths_and_resets(kind: str) -> None:
    options = {"odyssey": {"variant": "FGR"}, "peephole": {"recurrence": "cell"}}.get(kind, {})
    cell = Case(kind, {"heads": 3} if kind == "slstm" else options).build(hidden=9).float()
    inputs, lengths = noise(TIME, BATCH, WIDTH).float(), torch.tensor([5, 7, 1, 3])
    masked = (torch.arange(TIME).unsqueeze(1) < lengths).unsqueeze(-1)

    def run(backend: str, *, rounded: bool) -> list[Tensor]:
        with torch.autocast("cpu", torch.bfloat16, enabled=rounded):
            outputs, _ = BACKENDS[backend].run(
                cell, inputs, cell.initial_state(BATCH), lengths=lengths, resets=RESETS
            )
        outputs = outputs.float() * masked
        return [outputs, *torch.autograd.grad(outputs.square().sum(), list(cell.parameters()))]

    exact = run("loop", rounded=False)
    for result, true in zip(run("native", rounded=False), exact, strict=True):
        torch.testing.assert_close(result, true, rtol=1e-3, atol=1e-4)
    for near, true in zip(run("native", rounded=True), exact, strict=True):
        assert (near - true).norm() <= 0.1 * true.norm()
