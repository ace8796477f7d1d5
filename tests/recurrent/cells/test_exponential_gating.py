"""The cells with exponential gates: the stabilizer m changes nothing except overflow."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.recurrent.backends import BACKENDS, Backend, choose
from seqlstm.recurrent.backends.base import Call
from seqlstm.recurrent.backends.chunkwise import ChunkwiseBackend
from seqlstm.recurrent.catalogue import CELLS
from seqlstm.recurrent.state import State, map_state
from tests import oracles
from tests.recurrent.cases import (
    BATCH,
    CASES,
    HIDDEN,
    LENGTHS,
    TIME,
    WIDTH,
    Case,
    assert_same,
    gradients,
    leaves,
    lived_in,
    noise,
    unroll,
)
from tests.recurrent.transcriptions.exponential import dense_gates

every_slstm = pytest.mark.parametrize(
    "case", [case for case in CASES if case.kind == "slstm"], ids=str
)
every_mlstm = pytest.mark.parametrize(
    "case", [case for case in CASES if case.kind == "mlstm"], ids=str
)
every_case = pytest.mark.parametrize(
    "case", [case for case in CASES if case.kind in ("slstm", "mlstm")], ids=str
)
RESETS = noise(TIME, BATCH, seed=8) > 0.7


def engines_of(case: Case) -> list[Backend]:
    """The loop, and what serves the cell faster."""
    return [choose(case.build(), Call(return_state=True)).backend, BACKENDS["loop"]]


# The scale.


@every_slstm
def test_slstm_equals_its_form_without_a_scale(case: Case) -> None:
    cell = case.build()
    inputs = noise(TIME, BATCH, WIDTH)
    outputs, _ = unroll(cell, inputs, cell.initial_state(BATCH))
    forget = case.options.get("forget", "sigmoid")
    plain = partial(oracles.slstm_plain, weights=dense_gates(cell), forget=forget)
    for row in range(BATCH):
        expected = plain(inputs[:, row].tolist())
        assert_same(outputs[:, row], torch.tensor(expected, dtype=torch.float64))


@every_case
def test_a_memory_at_another_scale_is_the_same_memory(case: Case) -> None:
    cell = case.build()
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(cell, BATCH)
    rescale = {"m": lambda part: part + 3, "h": lambda part: part}
    other = tuple(
        rescale.get(name, lambda part: part * math.exp(-3))(part)
        for name, part in zip(cell.state_names, state, strict=True)
    )
    assert_same(unroll(cell, inputs, other)[0], unroll(cell, inputs, state)[0])


@every_slstm
def test_the_normaliser_never_falls_below_one(case: Case) -> None:
    cell = case.build()
    state = cell.initial_state(BATCH)
    for projected in cell.project(20 * noise(50, BATCH, WIDTH)):
        _, state = cell.step(projected, state)
        assert (state[2] >= 1 - 1e-12).all()


@pytest.mark.parametrize("gate", [-1e4, -200.0, 200.0, 1e4])
@every_case
def test_nothing_overflows_whatever_the_gates(case: Case, gate: float) -> None:
    cell = case.build().float()
    rows = {"slstm": (0, 2 * HIDDEN), "mlstm": (3 * HIDDEN, 3 * HIDDEN + 2)}[case.kind]
    inputs = noise(TIME, BATCH, WIDTH).float().requires_grad_()
    wanted = [inputs, *cell.parameters()]
    for begin in rows:
        with torch.no_grad():
            cell.bias[begin : begin + 1] = gate
    for backend in engines_of(case):
        run = partial(backend.run, cell, inputs, cell.initial_state(BATCH))
        outputs, last = run()
        assert all(part.isfinite().all() for part in [outputs, *leaves(last)])
        assert all(part.isfinite().all() for part in gradients(run, wanted))


@every_mlstm
def test_an_mlstm_that_stores_next_to_nothing_gives_next_to_nothing(case: Case) -> None:
    cell = case.build().float()
    heads = slice(3 * HIDDEN, 3 * HIDDEN + case.options.get("heads", 1))
    with torch.no_grad():
        cell.bias[heads] = -120.0
    outputs, (_, _, m) = unroll(cell, noise(1, BATCH, WIDTH).float(), cell.initial_state(BATCH))
    assert m.max() < -100
    assert outputs.abs().max() < 1e-30


@every_case
def test_gradients_from_the_first_state_are_those_of_the_outputs(case: Case) -> None:
    cell = case.build()
    inputs = noise(3, 2, WIDTH).requires_grad_()

    def run(*_: Tensor) -> tuple[Tensor, ...]:
        outputs, last = unroll(cell, inputs, cell.initial_state(2))
        return outputs, *leaves(last)

    # The closure reads the very tensors that gradcheck varies in place.
    assert torch.autograd.gradcheck(run, (inputs, *cell.parameters()))


@every_case
def test_fast_backends_equal_the_loop_from_the_first_state(case: Case) -> None:
    cell = case.build()
    inputs, lengths = noise(TIME, BATCH, WIDTH).requires_grad_(), torch.tensor([0, *LENGTHS[1:]])
    real = torch.arange(TIME).unsqueeze(1) < lengths
    wanted = [inputs, *cell.parameters()]
    results = []
    for backend in engines_of(case):

        def run(backend: Backend = backend) -> tuple[Tensor, State]:
            options: dict[str, Any] = {"lengths": lengths, "resets": RESETS}
            outputs, last = backend.run(cell, inputs, cell.initial_state(BATCH), **options)
            # A row without a step keeps its −∞, which no loss can weigh.
            return outputs[real], tuple(part[1:] for part in last)

        results.append((run(), gradients(run, wanted)))
    assert_same(*results, rtol=1e-9, atol=1e-11)


# The three forms of an mLSTM.


@pytest.mark.parametrize("chunk", [1, 2, 3, TIME])
@pytest.mark.parametrize("ways", [(), ("lengths",), ("resets",), ("lengths", "resets")], ids=str)
@every_mlstm
def test_step_by_step_by_chunks_and_all_at_once_agree(
    case: Case, ways: tuple[str, ...], chunk: int
) -> None:
    cell = case.build()
    options = {"lengths": torch.tensor(LENGTHS), "resets": RESETS}
    options = {way: options[way] for way in ways}
    inputs = noise(TIME, BATCH, WIDTH).requires_grad_()
    state = map_state(lambda part: part.requires_grad_(), lived_in(cell, BATCH))
    wanted = [inputs, *leaves(state), *cell.parameters()]
    real = torch.arange(TIME).unsqueeze(1) < options.get("lengths", torch.tensor([TIME] * BATCH))

    def run(backend: Backend) -> tuple[Tensor, State]:
        outputs, last = backend.run(cell, inputs, state, **options)
        assert outputs.isfinite().all()
        return outputs[real], last

    backends = [ChunkwiseBackend(chunk), BACKENDS["loop"]]
    results = [(run(backend), gradients(partial(run, backend), wanted)) for backend in backends]
    assert_same(*results, rtol=1e-9, atol=1e-11)


def test_an_mlstm_recalls_the_value_of_a_key() -> None:
    cell = CELLS["mlstm"](WIDTH, WIDTH, forget="exponential").double()
    identity = torch.eye(WIDTH, dtype=torch.float64)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.input[:WIDTH] = cell.input[WIDTH : 2 * WIDTH] = identity  # q and k are the input
        cell.input[2 * WIDTH : 3 * WIDTH] = torch.roll(identity, 1, dims=0)  # v its neighbour
    state = cell.initial_state(1)
    for step in cell.project(identity[:5].unsqueeze(1)):
        output, state = cell.step(step, state)
    # An output gate of 1/2, keys divided by √8, and a bound of 1 below.
    assert_same(output[0], identity[5] / 2 / WIDTH**0.5)
    assert_same(state[0][0, 0], torch.roll(torch.diag(identity[:5].sum(0)), 1, dims=0) / WIDTH**0.5)


# Heads and how the cells start.


@pytest.mark.parametrize("kind", ["slstm", "mlstm"])
def test_heads_must_divide(kind: str) -> None:
    with pytest.raises(ValueError, match="heads must divide hidden_size: 3 does not divide 64"):
        CELLS[kind](8, 64, heads=3)
    with pytest.raises(ValueError, match="heads must be positive, was: 0"):
        CELLS[kind](8, 64, heads=0)


@pytest.mark.parametrize("kind", ["slstm", "mlstm"])
def test_the_forget_gate_has_two_forms(kind: str) -> None:
    with pytest.raises(ValueError, match=r"forget must be .*, was: 'tanh'"):
        CELLS[kind](8, 64, forget="tanh")


def test_heads_of_an_slstm_do_not_read_each_other() -> None:
    cell = Case("slstm", {"heads": 2}).build()
    inputs, (h, *memory) = noise(1, BATCH, WIDTH), lived_in(cell, BATCH)
    other = h.clone()
    other[:, : HIDDEN // 2] += 1.0
    one, two = (unroll(cell, inputs, (first, *memory))[0] for first in (h, other))
    assert torch.equal(one[..., HIDDEN // 2 :], two[..., HIDDEN // 2 :])
    assert (one != two)[..., : HIDDEN // 2].all()


def test_forget_biases_start_spread_from_three_to_six() -> None:
    slstm, mlstm = CELLS["slstm"](8, 16, heads=4), CELLS["mlstm"](8, 16, heads=4)
    assert_same(slstm.bias[16:32], torch.linspace(3.0, 6.0, 16))
    assert_same(mlstm.bias[52:56], torch.tensor([3.0, 4.0, 5.0, 6.0]))
    assert_same(mlstm.bias[48:52], torch.full((4,), -1.0))
    assert not mlstm.input[48:56].any()


@pytest.mark.parametrize("kind", ["slstm", "mlstm"])
def test_both_forms_of_the_forget_gate_start_with_the_same_gate(kind: str) -> None:
    sigmoid, exponential = (
        CELLS[kind](8, 16, heads=4, forget=forget) for forget in ("sigmoid", "exponential")
    )
    rows = slice(16, 32) if kind == "slstm" else slice(52, 56)
    assert_same(exponential.bias[rows].exp(), sigmoid.bias[rows].sigmoid(), rtol=1e-6, atol=0.0)


# Mixing two states.


def stored(cell: Any, state: State) -> dict[str, Tensor]:
    """What a state holds, without its scale."""
    parts = dict(zip(cell.state_names, state, strict=True))
    scale = parts.pop("m").exp()
    h = {"h": parts.pop("h")} if "h" in parts else {}
    return h | {
        name: part * scale.view(*scale.shape, *[1] * (part.dim() - scale.dim()))
        for name, part in parts.items()
    }


def shares(state: State, share: float) -> State:
    return map_state(lambda part: torch.full_like(part, share), state)


@every_case
def test_states_mix_as_what_they_hold(case: Case) -> None:
    cell = case.build()
    new, old = lived_in(cell, BATCH), lived_in(cell, BATCH, seed=3)
    result = stored(cell, cell.interpolate(shares(new, 0.3), new, old))
    held, before = stored(cell, new), stored(cell, old)
    for name, part in result.items():
        assert_same(part, 0.7 * held[name] + 0.3 * before[name])


@every_case
def test_all_or_nothing_of_a_state_is_that_state(case: Case) -> None:
    cell = case.build()
    new, first = lived_in(cell, BATCH), cell.initial_state(BATCH)
    far = tuple(
        part + 1000 if name == "m" else part
        for name, part in zip(cell.state_names, new, strict=True)
    )
    for old in (first, far):
        for one, other in ((new, old), (old, new)):
            assert_same(cell.interpolate(shares(new, 0.0), one, other), one)
            assert_same(cell.interpolate(shares(new, 1.0), one, other), other)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@every_case
def test_mixing_with_the_first_state_has_gradients(case: Case, share: float) -> None:
    cell = case.build()
    inputs = noise(2, BATCH, WIDTH).requires_grad_()

    def run() -> tuple[Tensor, State]:
        first = cell.initial_state(BATCH)
        projected = cell.project(inputs)
        mixed = cell.interpolate(shares(first, share), cell.step(projected[0], first)[1], first)
        return cell.step(projected[1], mixed)

    wanted = [inputs, *cell.parameters()]
    assert all(part.isfinite().all() for part in gradients(run, wanted))
