"""The convolutional LSTM: its layout, what moves with its input, and moving pictures."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqlstm.recurrent.cells.conv_lstm import ConvLSTM
from seqlstm.recurrent.cells.lstm import LSTM
from seqlstm.recurrent.layer import Recurrent
from tests.recurrent.cases import BATCH, TIME, assert_same, generator, noise, randomise, unroll


def convolutional(extent: list[int], **options: Any) -> ConvLSTM:
    """Two channels in and three out, in float64, random in every parameter."""
    positions = prod(extent)
    cell = ConvLSTM(2 * positions, 3 * positions, extent=extent, **options).double()
    assert isinstance(randomise(cell), ConvLSTM)
    return cell


def laid_out(cell: ConvLSTM, inputs: Tensor) -> Tensor:
    """Outputs for inputs over positions: (time, batch, channels, positions...)."""
    outputs, _ = unroll(cell, inputs.flatten(2), cell.initial_state(inputs.shape[1]))
    return outputs.detach().unflatten(-1, (-1, *cell.extent))


# Special cases that equal other cells.


def test_over_one_position_without_peepholes_it_is_an_lstm() -> None:
    cell = convolutional([1], kernel=3)
    lstm = LSTM(2, 3).double()
    with torch.no_grad():
        cell.peephole.zero_()
        lstm.input.copy_(cell.input[..., 1])
        lstm.recurrent.copy_(cell.recurrent[..., 1])
        lstm.bias.copy_(cell.bias)
    inputs = noise(TIME, BATCH, 2)
    ours = unroll(cell, inputs, cell.initial_state(BATCH))
    assert_same(ours, unroll(lstm, inputs, lstm.initial_state(BATCH)))


@pytest.mark.parametrize("image", [[1, 5], [5, 1]])
def test_an_image_of_one_row_or_column_is_a_line(image: list[int]) -> None:
    line, cell = convolutional([5]), convolutional(image)
    middle = (..., 1, slice(None)) if image[0] == 1 else (..., slice(None), 1)
    with torch.no_grad():
        cell.input[middle] = line.input
        cell.recurrent[middle] = line.recurrent
        cell.peephole.copy_(line.peephole)
        cell.bias.copy_(line.bias)
    inputs = noise(TIME, BATCH, 2, 5)
    assert_same(laid_out(cell, inputs.unflatten(-1, image)).flatten(3), laid_out(line, inputs))


def test_a_kernel_of_one_keeps_positions_apart() -> None:
    cell = convolutional([5], kernel=1)
    inputs = noise(TIME, BATCH, 2, 5)
    before = laid_out(cell, inputs)
    inputs[..., 2] += 1.0
    changed = (laid_out(cell, inputs) - before).abs().amax((0, 1, 2)) > 0
    assert changed.tolist() == [False, False, True, False, False]


@pytest.mark.parametrize(("kernel", "reach"), [(3, 1), (5, 2)])
def test_news_travels_half_a_kernel_a_step(kernel: int, reach: int) -> None:
    cell = convolutional([13], kernel=kernel)
    inputs = noise(3, 1, 2, 13)
    before = laid_out(cell, inputs)
    inputs[0, ..., 6] += 1.0
    changed = (laid_out(cell, inputs) - before).abs().amax((1, 2)) > 0
    for step, row in enumerate(changed):
        distance = min(reach * (step + 1), 6)
        assert row.nonzero().flatten().tolist() == list(range(6 - distance, 7 + distance))


# Equivariance.


def difference_after_a_shift(cell: ConvLSTM, *, steps: int = 3, shift: int = 2) -> float:
    """How far outputs of shifted inputs are from shifted outputs, out of reach of the edges."""
    axes = list(range(-len(cell.extent), 0))
    inputs = noise(steps, BATCH, 2, *cell.extent)
    shifted = laid_out(cell, inputs.roll([shift] * len(axes), axes))
    expected = laid_out(cell, inputs).roll([shift] * len(axes), axes)
    # What rolls over an edge, and the zeros beyond it, come one position nearer at each step.
    inside = slice(steps + shift, -(steps + shift))
    return float((shifted - expected)[(..., *[inside] * len(axes))].abs().max())


@pytest.mark.parametrize("extent", [[16], [12, 13]])
def test_outputs_move_with_the_input_where_peepholes_are_alike(extent: list[int]) -> None:
    cell = convolutional(extent)
    assert difference_after_a_shift(cell) > 1e-3
    peepholes = cell.peephole.data.view(9, -1)  # (gates · channels, positions)
    peepholes.copy_(peepholes[:, :1].expand_as(peepholes))
    assert difference_after_a_shift(cell) < 1e-12


# Where it starts, and what it refuses.


@pytest.mark.parametrize("extent", [[4], [2, 3]])
def test_starts_orthogonal_by_gate_with_peepholes_and_biases_of_zero(extent: list[int]) -> None:
    cell = ConvLSTM(2 * prod(extent), 3 * prod(extent), extent=extent, forget_bias=2.0)
    for gate in cell.recurrent.flatten(1).chunk(4):
        assert_same(gate @ gate.T, torch.eye(3), rtol=0.0, atol=1e-5)
    assert not cell.peephole.any()
    assert cell.bias.tolist() == [0.0] * 3 + [2.0] * 3 + [0.0] * 6


@pytest.mark.parametrize(
    ("sizes", "options", "words"),
    [
        ((4, 4), {"extent": []}, r"extent must be one or two positive sizes, was: \[\]"),
        ((8, 8), {"extent": [2, 2, 2]}, r"one or two positive sizes, was: \[2, 2, 2\]"),
        ((4, 4), {"extent": [0]}, r"one or two positive sizes, was: \[0\]"),
        ((4, 4), {"extent": [2], "kernel": 2}, "kernel must be odd and positive, was: 2"),
        ((4, 4), {"extent": [2], "kernel": -1}, "kernel must be odd and positive, was: -1"),
        ((5, 4), {"extent": [4]}, "input_size must be a multiple of the 4 positions, was: 5"),
        ((12, 8), {"extent": [2, 3]}, "hidden_size must be a multiple of the 6 positions, was: 8"),
    ],
)
def test_sizes_that_do_not_fit(sizes: tuple[int, int], options: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ConvLSTM(*sizes, **options)


def test_the_extent_is_required() -> None:
    with pytest.raises(TypeError, match="extent"):
        ConvLSTM(4, 4)  # type: ignore[call-arg]


def test_the_reason_why_a_token_is_no_input() -> None:
    assert f"convolutional needs {ConvLSTM.required_input}" == (
        "convolutional needs features over positions, which the embedding of a token does not have"
    )


# Learning.

POSITIONS, STEPS = 12, 16


def bouncing(rows: int, *, seed: int) -> Tensor:
    """A blob that runs along a line and back, (steps, rows, positions). No frame shows its way."""
    lap = 2 * (POSITIONS - 1)
    start = torch.randint(lap, (rows,), generator=generator(seed))
    along = (start + torch.arange(STEPS).unsqueeze(1)) % lap
    centre = torch.where(along < POSITIONS, along, lap - along)
    distance = torch.arange(POSITIONS) - centre.unsqueeze(-1)
    return torch.exp(-(distance.float() ** 2))


def test_learns_where_a_blob_moves_next() -> None:
    torch.manual_seed(1)
    cell = ConvLSTM(POSITIONS, 6 * POSITIONS, extent=[POSITIONS])
    layer, readout = Recurrent(cell), nn.Conv1d(6, 1, 1)

    def error(frames: Tensor) -> Tensor:
        """Mean square error of the next frame, once one step has shown which way it goes."""
        outputs, _ = layer(frames[:-1])
        maps = outputs[1:].reshape(-1, 6, POSITIONS)
        return (readout(maps).view_as(frames[2:]) - frames[2:]).square().mean()

    optimizer = torch.optim.Adam([*layer.parameters(), *readout.parameters()], lr=0.02)
    for step in range(120):
        optimizer.zero_grad()
        error(bouncing(16, seed=step)).backward()
        optimizer.step()
    unseen = bouncing(200, seed=10**6)
    copied = (unseen[2:] - unseen[1:-1]).square().mean()
    assert error(unseen) < 0.1 * copied
