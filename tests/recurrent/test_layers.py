"""Layers over every cell: pieces, padding, resets and backends."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqlstm.recurrent.state import State, map_state, select
from tests.recurrent.cases import (
    BATCH,
    HIDDEN,
    LENGTHS,
    TIME,
    WIDTH,
    Case,
    assert_same,
    every_backend,
    every_cell,
    gradients,
    layer_of,
    leaves,
    lived_in,
    noise,
    padded,
    row_of,
)

# Pieces, rows and gradients.


@every_backend
@every_cell
def test_whole_equals_in_pieces(case: Case, backend: str) -> None:
    layer = layer_of(case, backend=backend)
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(layer.cell, BATCH)
    outputs, last = layer(inputs, state)
    pieces = []
    for piece in inputs.split([2, 1, 4]):
        read, state = layer(piece, state)
        pieces.append(read)
    assert_same(torch.cat(pieces), outputs)
    assert_same(state, last)


@every_backend
@every_cell
def test_no_state_means_the_first_state(case: Case, backend: str) -> None:
    layer = layer_of(case, backend=backend)
    inputs = noise(TIME, BATCH, WIDTH)
    assert_same(layer(inputs), layer(inputs, layer.cell.initial_state(BATCH)))


@every_backend
@every_cell
def test_an_unwanted_last_state_changes_no_output(case: Case, backend: str) -> None:
    layer = layer_of(case, backend=backend)
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(layer.cell, BATCH)
    outputs, nothing = layer(inputs, state, return_state=False)
    assert nothing is None
    assert_same(outputs, layer(inputs, state)[0])


@pytest.mark.parametrize("reverse", [False, True])
@every_backend
@every_cell
def test_rows_do_not_see_each_other(case: Case, backend: str, reverse: bool) -> None:
    layer = layer_of(case, backend=backend, reverse=reverse)
    inputs, lengths = padded()
    state, rows = lived_in(layer.cell, BATCH), torch.tensor([3, 0, 2, 1, 0])
    outputs, last = layer(inputs, state, lengths=lengths)
    permuted = layer(inputs[:, rows], select(state, rows), lengths=lengths[rows])
    assert_same(permuted, (outputs[:, rows], select(last, rows)))


@pytest.mark.parametrize("way", ["plain", "lengths", "resets", "reverse"])
@every_cell
def test_gradients_are_those_of_the_outputs(case: Case, way: str) -> None:
    layer = layer_of(case, backend="loop", reverse=way == "reverse")
    lengths = torch.tensor([3, 2]) if way in ("lengths", "reverse") else None
    resets = torch.tensor([[0, 0], [1, 0], [0, 1]]).bool() if way == "resets" else None
    inputs = noise(3, 2, WIDTH).requires_grad_()
    state = map_state(lambda part: part.requires_grad_(), lived_in(layer.cell, 2))

    def run(*_: Tensor) -> tuple[Tensor, ...]:
        outputs, last = layer(inputs, state, lengths=lengths, resets=resets)
        return outputs, *leaves(last)

    # The closure reads the very tensors that gradcheck varies in place.
    assert torch.autograd.gradcheck(run, (inputs, *leaves(state), *layer.parameters()))


# Padding.


@pytest.mark.parametrize("reverse", [False, True])
@every_cell
def test_padded_equals_alone(case: Case, reverse: bool) -> None:
    layer = layer_of(case, reverse=reverse)
    inputs, lengths = padded()
    state = lived_in(layer.cell, BATCH)
    outputs, last = layer(inputs, state, lengths=lengths)
    assert outputs.isfinite().all()
    for row, length in enumerate(LENGTHS):
        alone = layer(inputs[:length, row : row + 1], row_of(state, row))
        assert_same((outputs[:length, row : row + 1], row_of(last, row)), alone)


@pytest.mark.parametrize("reverse", [False, True])
@every_cell
def test_a_row_without_steps_keeps_its_state(case: Case, reverse: bool) -> None:
    layer = layer_of(case, reverse=reverse)
    state = lived_in(layer.cell, 2)
    _, last = layer(noise(TIME, 2, WIDTH), state, lengths=torch.tensor([0, TIME]))
    assert_same(row_of(last, 0), row_of(state, 0))


@pytest.mark.parametrize("reverse", [False, True])
@every_backend
@every_cell
def test_outputs_with_lengths_are_the_same_without_the_last_state(
    case: Case, backend: str, reverse: bool
) -> None:
    layer = layer_of(case, backend=backend, reverse=reverse)
    inputs, lengths = padded()
    with_state, _ = layer(inputs, lengths=lengths)
    without, nothing = layer(inputs, lengths=lengths, return_state=False)
    assert nothing is None
    assert without.isfinite().all()
    for row, length in enumerate(LENGTHS):
        assert_same(without[:length, row], with_state[:length, row])


@pytest.mark.parametrize("reverse", [False, True])
@every_cell
def test_nothing_flows_back_into_padding(case: Case, reverse: bool) -> None:
    layer = layer_of(case, reverse=reverse)
    inputs, lengths = noise(TIME, BATCH, WIDTH).requires_grad_(), torch.tensor(LENGTHS)
    real = torch.arange(TIME).unsqueeze(1) < lengths

    def run() -> tuple[Tensor, State]:
        outputs, last = layer(inputs, lengths=lengths)
        return outputs[real], last

    (gradient,) = gradients(run, [inputs])
    assert not gradient[~real].any()
    assert gradient[real].any(dim=-1).all()


# Resets.


def resets_at(*steps_and_rows: tuple[int, int]) -> Tensor:
    """True at these (step, row)."""
    resets = torch.zeros(TIME, BATCH, dtype=torch.bool)
    for step, row in steps_and_rows:
        resets[step, row] = True
    return resets


@every_cell
def test_a_reset_is_a_fresh_start(case: Case) -> None:
    layer = layer_of(case)
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(layer.cell, BATCH)
    starts = {0: [0], 1: [3], 2: [2, 3, TIME - 1], 3: []}
    resets = resets_at(*((step, row) for row, steps in starts.items() for step in steps))
    outputs, last = layer(inputs, state, resets=resets)
    for row, steps in starts.items():
        carried = row_of(state, row)
        for begin, end in zip([0, *steps], [*steps, TIME], strict=True):
            carried = layer.cell.initial_state(1) if begin in steps else carried
            if begin == end:
                continue
            read, carried = layer(inputs[begin:end, row : row + 1], carried)
            assert_same(outputs[begin:end, row : row + 1], read)
        assert_same(row_of(last, row), carried)


@every_cell
def test_nothing_flows_back_across_a_reset(case: Case) -> None:
    layer = layer_of(case)
    inputs = noise(TIME, BATCH, WIDTH).requires_grad_()
    state = map_state(lambda part: part.requires_grad_(), lived_in(layer.cell, BATCH))
    after = layer(inputs, state, resets=resets_at(*((3, row) for row in range(BATCH))))[0][3:]
    gradient, *before = torch.autograd.grad(after.square().sum(), [inputs, *leaves(state)])
    # Rounding remains in backends that sum over steps.
    assert all(part.abs().max() < 1e-12 for part in [gradient[:3], *before])
    assert (gradient[3:].abs() > 1e-12).any(dim=-1).all()


@every_cell
def test_no_reset_changes_nothing(case: Case) -> None:
    layer = layer_of(case)
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(layer.cell, BATCH)
    assert_same(layer(inputs, state, resets=resets_at()), layer(inputs, state))


@every_cell
def test_a_reset_after_the_end_leaves_the_last_state(case: Case) -> None:
    layer = layer_of(case)
    inputs, lengths = padded()
    late = resets_at((5, 0), (2, 2), (3, 3))
    _, last = layer(inputs, lengths=lengths, resets=late)
    assert_same(last, layer(inputs, lengths=lengths)[1])


def test_a_layer_that_reads_backwards_refuses_resets() -> None:
    layer = layer_of(Case("lstm"), reverse=True)
    with pytest.raises(ValueError, match="reset"):
        layer(noise(TIME, BATCH, WIDTH), resets=resets_at())


# Backends and devices.


@every_backend
@every_cell
def test_runs_without_a_device(case: Case, backend: str) -> None:
    layer = layer_of(case, backend=backend).to("meta")
    inputs = noise(TIME, BATCH, WIDTH).to("meta")
    lengths = torch.tensor(LENGTHS, device="meta")
    for options in ({}, {"lengths": lengths}, {"resets": resets_at().to("meta")}):
        outputs, last = layer(inputs, **options)
        assert outputs.is_meta
        assert outputs.shape == (TIME, BATCH, HIDDEN)
        assert all(part.is_meta and part.shape[0] == BATCH for part in leaves(last))


def test_a_layer_says_why_its_backend_cannot_serve() -> None:
    layer = layer_of(Case("lstm"), backend="torch-fused")
    inputs, lengths = padded()
    assert layer(inputs)[0].shape == (TIME, BATCH, HIDDEN)
    assert layer(inputs, lengths=lengths, return_state=False)[0].shape == (TIME, BATCH, HIDDEN)
    with pytest.raises(ValueError, match=r"torch-fused.*state"):
        layer(inputs, lengths=lengths)
    with pytest.raises(ValueError, match=r"torch-fused.*reset"):
        layer(inputs, resets=resets_at())
