"""What the time between inputs does to a time-aware memory."""

from __future__ import annotations

from math import e, log

import pytest
import torch
from torch import Tensor, nn

from seqlstm.recurrent.cells.time_aware_lstm import TimeAwareLSTM
from seqlstm.recurrent.layer import Recurrent
from tests.recurrent.cases import (
    BATCH,
    HIDDEN,
    TIME,
    WIDTH,
    Case,
    assert_same,
    generator,
    lived_in,
    noise,
    unroll,
)
from tests.recurrent.transcriptions import TRANSCRIPTIONS


def holding(*, short: float, decay: str) -> TimeAwareLSTM:
    """A cell that adds nothing and forgets nothing, and holds c^S = tanh(short) for short-term."""
    cell = TimeAwareLSTM(2, 1, decay=decay).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.gate(cell.bias, "forget").fill_(40.0)
        cell.decomposition_bias.fill_(short)
    return cell


def remembered(cell: TimeAwareLSTM, elapsed: float, *, memory: float) -> float:
    """What is left of `memory` after one step that long."""
    state = (torch.zeros(1, 1).double(), torch.full((1, 1), memory).double())
    _, (_, c) = cell.step(cell.project(torch.tensor([[[0.0, elapsed]]]).double())[0], state)
    return c.item()


@pytest.mark.parametrize(
    ("decay", "elapsed", "left"),
    [
        ("log", 1.0, 1 / log(e + 1)),
        ("log", e**2 - e, 1 / 2),
        ("log", e**10 - e, 1 / 10),
        ("log", 0.0, 1 / log(e + 1)),
        ("log", -5.0, 1 / log(e + 1)),
        ("inverse", 1.0, 1.0),
        ("inverse", 4.0, 1 / 4),
        ("inverse", 100.0, 1 / 100),
        ("inverse", 0.5, 1.0),
        ("inverse", 0.0, 1.0),
    ],
)
def test_the_short_term_memory_fades_with_time(decay: str, elapsed: float, left: float) -> None:
    # tanh(40) is 1 in float64, so that all of a memory of 1 is short-term.
    assert remembered(holding(short=40.0, decay=decay), elapsed, memory=1.0) == pytest.approx(left)
    # Of a memory of 3, the 2 that are not do not fade.
    faded = remembered(holding(short=40.0, decay=decay), elapsed, memory=3.0)
    assert faded == pytest.approx(2 + left)


@pytest.mark.parametrize("decay", ["log", "inverse"])
@pytest.mark.parametrize("elapsed", [1.0, 1e6])
def test_what_is_not_short_term_stays(decay: str, elapsed: float) -> None:
    assert remembered(holding(short=0.0, decay=decay), elapsed, memory=0.7) == pytest.approx(0.7)


@pytest.mark.parametrize("options", [{}, {"decay": "inverse"}], ids=["log", "inverse"])
def test_equals_the_paper_for_any_time(options: dict[str, str]) -> None:
    cell = Case("time-aware", options).build()
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(cell, BATCH)
    inputs[..., -1] = torch.rand(TIME, BATCH, generator=generator(3)).double() * 30
    outputs, _ = unroll(cell, inputs, state)
    transcription = TRANSCRIPTIONS["time-aware"](cell, options)
    for row in range(BATCH):
        start = tuple(part[row].tolist() for part in state)
        expected, _ = transcription(inputs[:, row].tolist(), start)
        assert_same(outputs[:, row], torch.tensor(expected, dtype=torch.float64))


def test_nothing_but_the_decay_reads_the_time() -> None:
    cell = Case("time-aware").build()
    assert cell.input.shape == (4 * HIDDEN, WIDTH - 1)
    inputs = noise(1, BATCH, WIDTH)
    later = inputs.clone()
    later[..., -1] = 50.0
    # Before the first step there is nothing to fade, once c^S is zero for an empty memory.
    with torch.no_grad():
        cell.decomposition_bias.zero_()
    first = cell.initial_state(BATCH)
    assert_same(unroll(cell, inputs, first)[0], unroll(cell, later, first)[0])


def test_a_single_feature_leaves_none_beside_the_time() -> None:
    with pytest.raises(ValueError, match=r"input_size must be 2 or more .*, was: 1"):
        TimeAwareLSTM(1, HIDDEN)


# Learning: a sum of values, each of which halves in every four units of true time.


def decaying_sums(rows: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Inputs (time, rows, 2), a value and the time before it; and the sum after each of them."""
    source = generator(seed)
    values = torch.randn(12, rows, generator=source)
    elapsed = 24 ** torch.rand(12, rows, generator=source)  # 1 to 24, most of them short
    total, sums = torch.zeros(rows), []
    for value, passed in zip(values, elapsed, strict=True):
        total = total * 0.5 ** (passed / 4) + value
        sums.append(total)
    return torch.stack([values, elapsed], dim=-1), torch.stack(sums)


def error_after_training(*, has_time: bool, decay: str) -> float:
    """The mean squared error on new sequences, as a part of what the latest value leaves open."""

    def seen(inputs: Tensor) -> Tensor:
        return inputs if has_time else torch.stack([inputs[..., 0], torch.ones(12, 64)], dim=-1)

    with torch.random.fork_rng():
        torch.manual_seed(1)
        layer, readout = Recurrent(TimeAwareLSTM(2, 16, decay=decay)), nn.Linear(16, 1)
    optimizer = torch.optim.Adam([*layer.parameters(), *readout.parameters()], lr=0.02)
    for step in range(140):
        inputs, sums = decaying_sums(64, seed=step)
        loss = (readout(layer(seen(inputs))[0]).squeeze(-1) - sums).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        inputs, sums = decaying_sums(64, seed=1000)
        error = (readout(layer(seen(inputs))[0]).squeeze(-1) - sums).square().mean()
        return (error / (inputs[..., 0] - sums).square().mean()).item()


@pytest.mark.parametrize("decay", ["log", "inverse"])
def test_learns_a_sum_that_fades_with_time(decay: str) -> None:
    with_time, without_time = (
        error_after_training(has_time=has_time, decay=decay) for has_time in (True, False)
    )
    assert with_time < 0.5 * without_time
