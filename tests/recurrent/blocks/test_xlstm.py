"""The blocks of xLSTM: against a scalar transcription, and the laws of every layer."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqlstm.recurrent.backends import Call, choose
from seqlstm.recurrent.blocks.causal_conv import CausalConvolution
from seqlstm.recurrent.blocks.xlstm import MLSTMBlock, SLSTMBlock, xlstm_block
from seqlstm.recurrent.cells.slstm import SLSTM
from seqlstm.recurrent.state import State, detach, map_state, select
from tests.recurrent.cases import (
    BATCH,
    LENGTHS,
    TIME,
    WIDTH,
    assert_same,
    every_backend,
    gradients,
    leaves,
    noise,
    padded,
    randomise,
    row_of,
)
from tests.recurrent.transcriptions.xlstm import mlstm_block, slstm_block

HEADS = 2
RESETS = noise(TIME, BATCH, seed=8) > 0.7

every_block = pytest.mark.parametrize(
    "kind",
    [
        SLSTMBlock,
        MLSTMBlock,
        partial(MLSTMBlock, conv_kernel_size=2, proj_factor=1),
        partial(MLSTMBlock, conv_kernel_size=1),
    ],
    ids=["slstm", "mlstm", "mlstm-narrow", "mlstm-pointwise"],
)


def block_of(kind: Any, *, backend: str = "auto") -> Any:
    """A block in float64 with every parameter random."""
    return randomise(kind(WIDTH, heads=HEADS, backend=backend).double())


def lived_in(block: Any, batch: int, *, seed: int = 2) -> State:
    """The state after some random steps."""
    with torch.no_grad():
        return detach(block(noise(5, batch, WIDTH, seed=seed))[1])


# Against the transcription.


@every_backend
@every_block
def test_equals_the_paper(kind: Any, backend: str) -> None:
    block = block_of(kind, backend=backend)
    oracle = (slstm_block if isinstance(block, SLSTMBlock) else mlstm_block)(block)
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(block, BATCH)
    outputs, last = block(inputs, state)
    for row in range(BATCH):
        expected, end = oracle(inputs[:, row].tolist(), listed(state, row))
        branch = torch.tensor(expected, dtype=torch.float64) - inputs[:, row]
        assert_same(outputs[:, row], branch)
        for part, values in zip(leaves(last), flat(end, leaves(last)), strict=True):
            assert_same(part[row], values)


def listed(state: State, row: int) -> tuple[Any, ...]:
    """One row of a state as nested lists."""
    return tuple(
        part[row].tolist() if isinstance(part, Tensor) else listed(part, row) for part in state
    )


def flat(state: tuple[Any, ...], like: list[Tensor]) -> list[Tensor]:
    """The transcription's state as tensors, in the order of `leaves`."""
    parts = [state[0], *state[1]] if isinstance(state[1], tuple) else list(state)
    return [
        torch.tensor(part, dtype=torch.float64).view(tensor.shape[1:])
        for part, tensor in zip(parts, like, strict=True)
    ]


def test_the_convolution_is_torchs() -> None:
    convolution = randomise(CausalConvolution(3, 4).double())
    inputs = noise(TIME, BATCH, 3)
    outputs, window = convolution(inputs, convolution.initial_state(BATCH))
    weights = convolution.weight.t().unsqueeze(1)
    read = nn.functional.pad(inputs.permute(1, 2, 0), (3, 0))
    expected = nn.functional.conv1d(read, weights, convolution.bias, groups=3)
    assert_same(outputs, expected.permute(2, 0, 1))
    assert_same(window, inputs[-3:].transpose(0, 1))


# The laws of a layer.


@every_backend
@every_block
def test_whole_equals_in_pieces(kind: Any, backend: str) -> None:
    block = block_of(kind, backend=backend)
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(block, BATCH)
    for sizes in ([2, 1, 4], [1] * TIME):
        carried, pieces = state, []
        for piece in inputs.split(sizes):
            read, carried = block(piece, carried)
            pieces.append(read)
        assert_same((torch.cat(pieces), carried), block(inputs, state))


@every_block
def test_no_state_means_the_first_state(kind: Any) -> None:
    block = block_of(kind)
    inputs = noise(TIME, BATCH, WIDTH)
    assert_same(block(inputs), block(inputs, block.initial_state(BATCH)))


@every_block
def test_an_unwanted_last_state_is_none(kind: Any) -> None:
    block = block_of(kind)
    inputs = noise(TIME, BATCH, WIDTH)
    outputs, nothing = block(inputs, return_state=False)
    assert nothing is None
    assert_same(outputs, block(inputs)[0])


@every_block
def test_rows_do_not_see_each_other(kind: Any) -> None:
    block = block_of(kind)
    inputs, lengths = padded()
    state, rows = lived_in(block, BATCH), torch.tensor([3, 0, 2, 1, 0])
    outputs, last = block(inputs, state, lengths=lengths)
    permuted = block(inputs[:, rows], select(state, rows), lengths=lengths[rows])
    assert_same(permuted, (outputs[:, rows], select(last, rows)))


@every_block
def test_padded_equals_alone(kind: Any) -> None:
    block = block_of(kind)
    inputs, lengths = padded()
    state = lived_in(block, BATCH)
    outputs, last = block(inputs, state, lengths=lengths)
    assert outputs.isfinite().all()
    for row, length in enumerate(LENGTHS):
        alone = block(inputs[:length, row : row + 1], row_of(state, row))
        assert_same((outputs[:length, row : row + 1], row_of(last, row)), alone)


@every_block
def test_a_row_without_steps_keeps_its_state(kind: Any) -> None:
    block = block_of(kind)
    for state in (lived_in(block, 2), block.initial_state(2)):
        _, last = block(noise(TIME, 2, WIDTH), state, lengths=torch.tensor([0, TIME]))
        assert_same(row_of(last, 0), row_of(state, 0))


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@every_block
def test_a_reset_is_a_fresh_start(kind: Any, lengths: list[int] | None) -> None:
    block = block_of(kind)
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(block, BATCH)
    # Before the end so closely that the convolution sees across, and after a row's end.
    starts = {0: [0], 1: [3, 6], 2: [2, 4], 3: [1, 2, 6]}
    resets = torch.zeros(TIME, BATCH, dtype=torch.bool)
    for row, steps in starts.items():
        resets[steps, row] = True
    ends = lengths or [TIME] * BATCH
    tensor_lengths = None if lengths is None else torch.tensor(lengths)
    outputs, last = block(inputs, state, resets=resets, lengths=tensor_lengths)
    for row, end in enumerate(ends):
        steps = [step for step in starts[row] if step < end]
        carried = row_of(state, row)
        for begin, stop in zip([0, *steps], [*steps, end], strict=True):
            carried = block.initial_state(1) if begin in steps else carried
            if begin < stop:
                read, carried = block(inputs[begin:stop, row : row + 1], carried)
                assert_same(outputs[begin:stop, row : row + 1], read)
        assert_same(row_of(last, row), carried)


@every_block
def test_backends_agree_with_all_gradients(kind: Any) -> None:
    inputs, lengths = noise(TIME, BATCH, WIDTH).requires_grad_(), torch.tensor(LENGTHS)
    real = torch.arange(TIME).unsqueeze(1) < lengths
    results = []
    for backend in ("auto", "loop"):
        block = block_of(kind, backend=backend)
        state = map_state(lambda part: part.requires_grad_(), lived_in(block, BATCH))

        def run(block: Any = block, state: State = state) -> tuple[Tensor, State]:
            outputs, last = block(inputs, state, lengths=lengths, resets=RESETS)
            return outputs[real], last

        wanted = [inputs, *leaves(state), *block.parameters()]
        results.append((run(), gradients(run, wanted)))
    assert_same(*results, rtol=1e-8, atol=1e-10)


@every_block
def test_gradients_from_the_first_state_are_those_of_the_outputs(kind: Any) -> None:
    block = block_of(kind, backend="loop")
    inputs = noise(3, 2, WIDTH).requires_grad_()

    def run(*_: Tensor) -> tuple[Tensor, ...]:
        outputs, last = block(inputs)
        return outputs, *leaves(last)

    # The closure reads the very tensor that gradcheck varies in place.
    assert torch.autograd.gradcheck(run, (inputs,))
    assert all(part.isfinite().all() for part in gradients(run_once(block), [*block.parameters()]))


def run_once(block: Any) -> Any:
    return partial(block, noise(3, 2, WIDTH))


@every_block
def test_states_stay_in_float32_under_autocast(kind: Any) -> None:
    block = block_of(kind).float()
    inputs = noise(TIME, BATCH, WIDTH).float()
    with torch.autocast("cpu", torch.bfloat16):
        outputs, last = block(inputs)
        carried, _ = block(inputs, last)
    assert all(part.dtype == torch.float32 for part in leaves(last))
    assert carried.isfinite().all()
    assert_same(outputs.float(), block(inputs)[0], rtol=0.1, atol=0.1)


@every_backend
@every_block
def test_runs_without_a_device(kind: Any, backend: str) -> None:
    block = block_of(kind, backend=backend).to("meta")
    inputs = torch.empty(TIME, BATCH, WIDTH, device="meta", dtype=torch.float64)
    lengths = torch.tensor(LENGTHS, device="meta")
    for options in ({}, {"lengths": lengths}, {"resets": RESETS.to("meta")}):
        outputs, last = block(inputs, **options)
        assert outputs.is_meta
        assert outputs.shape == (TIME, BATCH, WIDTH)
        assert all(part.is_meta and part.shape[0] == BATCH for part in leaves(last))


# Which block.


def test_blocks_alternate_as_their_numbers_say() -> None:
    kinds = [type(xlstm_block(index, WIDTH, mlstm=2, slstm=1)) for index in range(6)]
    assert kinds == [MLSTMBlock, MLSTMBlock, SLSTMBlock] * 2
    assert isinstance(xlstm_block(0, WIDTH, mlstm=0, slstm=1), SLSTMBlock)
    assert isinstance(xlstm_block(9, WIDTH, mlstm=1, slstm=0), MLSTMBlock)
    assert [type(xlstm_block(index, WIDTH)) for index in (6, 7, 8)] == [
        MLSTMBlock,
        SLSTMBlock,
        MLSTMBlock,
    ]


def test_the_options_of_xlstm_reach_its_mlstm_blocks() -> None:
    block = xlstm_block(0, WIDTH, mlstm=1, slstm=1, conv_kernel_size=3, proj_factor=4)
    assert isinstance(block, MLSTMBlock)
    assert block.convolution.weight.shape == (3, 4 * WIDTH)
    assert block.down.in_features == 4 * WIDTH
    default = xlstm_block(0, WIDTH)
    assert isinstance(default, MLSTMBlock)
    assert default.convolution.weight.shape == (4, 2 * WIDTH)


@pytest.mark.parametrize("counts", [(0, 0), (-1, 1), (2, -1)])
def test_there_must_be_blocks(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least one block"):
        xlstm_block(0, WIDTH, mlstm=counts[0], slstm=counts[1])


@pytest.mark.parametrize(("kind", "hidden"), [(SLSTMBlock, 8), (MLSTMBlock, 16)])
def test_heads_must_divide(kind: Any, hidden: int) -> None:
    with pytest.raises(
        ValueError, match=f"heads must divide hidden_size: 3 does not divide {hidden}"
    ):
        kind(WIDTH, heads=3)


def test_an_mlstm_block_is_wide_enough_for_its_projections() -> None:
    with pytest.raises(ValueError, match="a multiple of 4 features, not 6"):
        MLSTMBlock(3, heads=1)
    with pytest.raises(ValueError, match="conv_kernel_size must be positive"):
        MLSTMBlock(4, conv_kernel_size=0)


@pytest.mark.parametrize("kind", [SLSTMBlock, MLSTMBlock])
def test_each_block_has_the_backend_of_its_memory(kind: Any) -> None:
    choice = kind(WIDTH).choice(Call(lengths=True, resets=True, return_state=True))
    assert choice.backend.name == (
        choose(SLSTM(WIDTH, WIDTH), Call()).backend.name if kind is SLSTMBlock else "chunkwise"
    )
    assert kind(WIDTH).output == WIDTH
