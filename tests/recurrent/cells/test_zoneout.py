"""Zoneout: which units keep their old value, and that every backend agrees on it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.recurrent.backends import BACKENDS, Call, choose
from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.cells.zoneout import Zoneout, zoneout
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

pytestmark = pytest.mark.usefixtures("unoptimised")

LSTM = Case("lstm")
SHARES = {"hidden": 0.4, "memory": 0.3}
RESETS = noise(TIME, BATCH, seed=8) > 0.7
CALLS = [{}, {"lengths": torch.tensor(LENGTHS)}, {"resets": RESETS}]


def shares_of(cell: Cell) -> dict[str, float]:
    """Those shares that the cell's state has a place for."""
    possible = {"hidden": "h" in cell.state_names, "memory": cell.state_names != ("h",)}
    return {name: SHARES[name] for name in SHARES if possible[name]}


def zoned(case: Case, **shares: float) -> Zoneout:
    """A case's cell with zoneout."""
    cell = case.build()
    wrapped = zoneout(cell, **(shares or shares_of(cell)))
    assert isinstance(wrapped, Zoneout)
    return wrapped


def masks_in(wrapped: Zoneout, projected: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """By name of a part of the state, what stays (..., units); and the cell's own columns."""
    masks, own = {}, projected
    for name in shares_of(wrapped.cell):
        units = next(
            part.shape[1]
            for part, letter in zip(wrapped.initial_state(1), wrapped.state_names, strict=True)
            if (letter == "h") == (name == "hidden")
        )
        masks[name], own = own[..., :units].bool(), own[..., units:]
    return {name: masks["hidden" if name == "h" else "memory"] for name in wrapped.state_names}, own


def by_hand(wrapped: Zoneout, inputs: Tensor, state: State) -> tuple[Tensor, State]:
    """Step after step: the cell's own step, then the old value wherever the mask says so."""
    outputs = []
    for projected in wrapped.project(inputs):
        masks, own = masks_in(wrapped, projected)
        output, new = wrapped.cell.step(own, state)
        state = tuple(
            torch.where(masks[name].view(*masks[name].shape, *[1] * (old.dim() - 2)), old, fresh)
            for name, old, fresh in zip(wrapped.state_names, state, new, strict=True)
        )
        outputs.append(state[0] if wrapped.state_names[0] == "h" else output)
    return torch.stack(outputs), state


# What it is.


@every_cell
def test_while_training_a_unit_keeps_its_old_value_or_not(case: Case) -> None:
    wrapped = zoned(case)
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(wrapped.cell, BATCH)
    torch.manual_seed(3)
    outputs = unroll(wrapped, inputs, state)
    torch.manual_seed(3)
    assert_same(outputs, by_hand(wrapped, inputs, state))
    assert (outputs[0] - unroll(wrapped.cell, inputs, state)[0]).abs().max() > 1e-3


@every_cell
def test_it_holds_from_the_first_state_on(case: Case) -> None:
    wrapped = zoned(case)
    inputs, state = noise(TIME, BATCH, WIDTH), wrapped.initial_state(BATCH)
    torch.manual_seed(3)
    outputs = unroll(wrapped, inputs, state)
    assert outputs[0].isfinite().all()
    torch.manual_seed(3)
    assert_same(outputs, by_hand(wrapped, inputs, state))


@pytest.mark.parametrize("kind", ["lstm", "gru", "mingru", "minlstm", "mogrifier"])
def test_in_evaluation_it_is_the_expectation(kind: str) -> None:
    case = Case(kind)
    wrapped = zoned(case).eval()
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(wrapped.cell, BATCH)
    for projected, own in zip(wrapped.project(inputs), wrapped.cell.project(inputs), strict=True):
        _, new = wrapped.cell.step(own, state)
        output, after = wrapped.step(projected, state)
        for name, part, fresh, old in zip(wrapped.state_names, after, new, state, strict=True):
            share = SHARES["hidden" if name == "h" else "memory"]
            assert_same(part, share * old + (1 - share) * fresh)
        assert output is after[0]
        state = after


def test_in_evaluation_memories_at_two_scales_are_added_at_one() -> None:
    wrapped = zoned(Case("slstm")).eval()
    projected, state = wrapped.project(noise(1, BATCH, WIDTH))[0], lived_in(wrapped.cell, BATCH)
    _, (_, c, n, m) = wrapped.step(projected, state)
    _, (_, *new, m_new) = wrapped.cell.step(projected, state)
    _, *old, m_old = state
    for part, fresh, past in zip((c, n), new, old, strict=True):
        mixed = 0.3 * past * m_old.exp() + 0.7 * fresh * m_new.exp()
        assert_same(part * m.exp(), mixed)


def test_masks_are_sampled_by_row_unit_and_step() -> None:
    wrapped = zoneout(Case("lstm").build(WIDTH, 64), hidden=0.05, memory=0.5)
    assert isinstance(wrapped, Zoneout)
    torch.manual_seed(0)
    projected = wrapped.project(noise(50, 8, WIDTH))
    own = wrapped.cell.project(noise(50, 8, WIDTH))
    assert_same(projected[..., 128:], own)
    masks = projected[..., :64], projected[..., 64:128]
    for mask, share in zip(masks, (0.05, 0.5), strict=True):
        assert set(mask.unique().tolist()) == {0.0, 1.0}
        assert abs(mask.mean() - share) < 0.01
        assert all(
            not torch.equal(mask.select(axis, 0), mask.select(axis, 1)) for axis in (0, 1, 2)
        )
    assert abs((masks[0] * masks[1]).mean() - 0.025) < 0.01


@pytest.mark.parametrize(
    "case",
    [Case("slstm"), Case("odyssey", {"variant": "FGR"}), Case("mlstm", {"heads": 2})],
    ids=str,
)
def test_parts_of_the_memory_share_one_mask(case: Case) -> None:
    wrapped = zoned(case, memory=0.5)
    state = lived_in(wrapped.cell, BATCH)
    _, new = wrapped.step(wrapped.project(noise(1, BATCH, WIDTH))[0], state)
    stays = {
        name: (part == old).flatten(2).all(2) if part.dim() > 2 else part == old
        for name, part, old in zip(wrapped.state_names, new, state, strict=True)
        if name not in ("h", "m")  # the largest exponent may well be the old one
    }
    first, *rest = stays.values()
    assert 0 < first.sum() < first.numel()
    assert all(torch.equal(first, other) for other in rest)
    assert "h" not in wrapped.state_names or not (new[0] == state[0]).any()


def test_masks_depend_on_the_seed_and_evaluation_samples_none() -> None:
    wrapped, inputs = zoned(LSTM), noise(TIME, BATCH, WIDTH)
    torch.manual_seed(3)
    one, other = wrapped.project(inputs), wrapped.project(inputs)
    assert not torch.equal(one, other)
    torch.manual_seed(3)
    assert torch.equal(one, wrapped.project(inputs))
    before = torch.get_rng_state()
    assert_same(wrapped.eval().project(inputs), wrapped.cell.project(inputs))
    assert torch.equal(before, torch.get_rng_state())


def test_a_backward_pass_after_training_is_that_of_the_forward_pass() -> None:
    cell = zoneout(Case("lstm").build(), hidden=0.3, memory=0.5).train()
    inputs = noise(TIME, BATCH, WIDTH).requires_grad_()
    result = []
    for flips in (False, True):
        torch.manual_seed(1)
        outputs, _ = BACKENDS["manual-bptt"].run(cell.train(), inputs, cell.initial_state(BATCH))
        cell.train(not flips)
        result.append(torch.autograd.grad(outputs.square().sum(), inputs)[0])
        assert cell.training is not flips
    assert_same(*result)


def test_without_a_probability_the_cell_is_returned() -> None:
    cell = LSTM.build()
    assert zoneout(cell) is cell


def test_it_has_the_parameters_of_its_cell() -> None:
    wrapped = zoned(LSTM)
    assert list(wrapped.parameters()) == list(wrapped.cell.parameters())


# Backends.


def serving() -> list[Any]:
    """Every backend but the loop, with every cell that it runs with zoneout."""
    return [
        pytest.param(name, case, id=f"{name}-{case}")
        for name, backend in BACKENDS.items()
        for case in CASES
        if name != "loop" and backend.unsupported_reason(zoned(case), Call()) is None
    ]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("call", CALLS, ids=lambda call: "+".join(call) or "plain")
@pytest.mark.parametrize(("name", "case"), serving())
def test_backends_equal_the_loop(
    name: str, case: Case, call: dict[str, Tensor], training: bool
) -> None:
    wrapped = zoned(case).train(training)
    inputs = noise(TIME, BATCH, WIDTH).requires_grad_()
    state = map_state(lambda part: part.requires_grad_(), lived_in(wrapped.cell, BATCH))

    def run(backend: str) -> tuple[Tensor, State]:
        torch.manual_seed(3)
        outputs, last = BACKENDS[backend].run(wrapped, inputs, state, **call)
        if "lengths" in call:
            ended = torch.arange(TIME).unsqueeze(1) >= call["lengths"]
            outputs = outputs.masked_fill(ended.unsqueeze(-1), 0.0)
        return outputs, last

    assert_same(run(name), run("loop"))
    wanted = [inputs, *leaves(state), *wrapped.parameters()]
    ours, true = (
        gradients(lambda backend=backend: run(backend), wanted) for backend in (name, "loop")
    )
    assert all(part.isfinite().all() for part in ours)
    assert_same(ours, true, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("name", "case"), serving())
def test_backends_are_close_to_the_loop_under_autocast(
    name: str, case: Case, training: bool
) -> None:
    wrapped = zoned(case).float().train(training)
    inputs = noise(TIME, BATCH, WIDTH).float()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        torch.manual_seed(3)
        ours = BACKENDS[name].run(wrapped, inputs, wrapped.initial_state(BATCH))
        torch.manual_seed(3)
        true = BACKENDS["loop"].run(wrapped, inputs, wrapped.initial_state(BATCH))
    assert all(part.dtype == torch.float32 for part in leaves(ours[1]))
    assert_same(map_state(Tensor.float, ours), map_state(Tensor.float, true), rtol=0.05, atol=0.05)


def test_an_elementwise_cell_stays_with_its_backend() -> None:
    assert choose(zoned(LSTM), Call()).backend is choose(Case("elman").build(), Call()).backend
    assert choose(zoned(Case("mingru")), Call()).backend is BACKENDS["scan"]
    assert choose(zoned(Case("mogrifier")), Call()).backend is BACKENDS["loop"]


@every_cell
def test_the_library_refuses_it(case: Case) -> None:
    assert BACKENDS["torch-fused"].unsupported_reason(zoned(case), Call()) is not None
