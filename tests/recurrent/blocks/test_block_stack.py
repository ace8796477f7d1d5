"""Stacks of residual blocks, compared with the same blocks called by hand."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from seqlstm.nn.dropout import Dropout
from seqlstm.recurrent.backends import Call, choose
from seqlstm.recurrent.blocks.xlstm import MLSTMBlock, SLSTMBlock, xlstm_block
from seqlstm.recurrent.cells.slstm import SLSTM
from seqlstm.recurrent.connections import ResidualDropout
from seqlstm.recurrent.stack import BlockStack
from seqlstm.recurrent.state import select
from tests.recurrent.cases import BATCH, LENGTHS, TIME, assert_same, leaves, noise, randomise

WIDTH = 8


def blocks(**options: Any) -> BlockStack:
    """Three xLSTM blocks in float64, random in every parameter."""
    make = partial(xlstm_block, input_size=WIDTH, mlstm=1, slstm=1, heads=2)
    return randomise(BlockStack(make, input_size=WIDTH, num_layers=3, **options).double())


def inputs() -> Tensor:
    return noise(TIME, BATCH, WIDTH)


def test_each_block_reads_the_one_below_and_the_last_is_normalised() -> None:
    stack = blocks()
    kinds = [type(block) for block in stack.layers]
    assert kinds == [MLSTMBlock, SLSTMBlock, MLSTMBlock]
    outputs, last = stack(inputs())
    expected, states = inputs(), []
    for block in stack.layers:
        added, state = block(expected)
        expected = expected + added
        states.append(state)
    norm = stack.normalise
    centred = expected - expected.mean(-1, keepdim=True)
    deviation = (centred.square().mean(-1, keepdim=True) + norm.eps).sqrt()
    assert_same(outputs, centred / deviation * norm.weight + norm.bias)
    assert_same(last, tuple(states))
    assert stack.output == WIDTH


def test_dropout_is_on_the_branch_of_a_block() -> None:
    stack = blocks(dropout=0.5).train()
    seen: list[Tensor] = []
    for block in stack.layers:
        block.register_forward_hook(
            lambda _, arguments, result: seen.extend([arguments[0], result[0]])
        )
    stack(inputs())
    assert torch.equal(seen[0], inputs())
    for stream, branch, next_stream in zip(seen[0::2], seen[1::2], seen[2::2], strict=False):
        dropped = next_stream == stream
        assert 0 < dropped.sum() < dropped.numel()
        assert (dropped.all(0) | ~dropped.any(0)).all()  # one mask for the whole sequence
        assert_same(next_stream, torch.where(dropped, stream, stream + 2 * branch))
    assert_same(blocks(dropout=0.5).eval()(inputs()), blocks()(inputs()))


def test_dropout_keeps_a_small_branch_exactly_beside_a_large_stream() -> None:
    connection = ResidualDropout(Dropout(0.5)).train()
    branch = torch.full((TIME, BATCH, WIDTH), 1e-3, dtype=torch.bfloat16)
    joined = connection(torch.full((TIME, BATCH, WIDTH), 256.0), branch)
    kept = joined != 256.0
    assert 0 < kept.sum() < kept.numel()
    assert torch.equal(joined[kept], 256.0 + 2 * branch.float()[kept])


def test_whole_equals_in_pieces() -> None:
    stack, state, pieces = blocks(), None, []
    outputs, last = stack(inputs())
    for piece in inputs().split([2, 1, 4]):
        read, state = stack(piece, state)
        pieces.append(read)
    assert_same(torch.cat(pieces), outputs)
    assert_same(state, last)
    assert_same(stack(inputs(), stack.initial_state(BATCH)), (outputs, last))


def test_padded_equals_alone_and_a_reset_is_a_fresh_start() -> None:
    stack = blocks()
    outputs, last = stack(inputs(), lengths=torch.tensor(LENGTHS))
    for row, length in enumerate(LENGTHS):
        index = torch.tensor([row])
        read, end = stack(inputs()[:length, index])
        assert_same((outputs[:length, index], select(last, index)), (read, end))
    resets = torch.zeros(TIME, BATCH, dtype=torch.bool)
    resets[3] = True
    outputs, last = stack(inputs(), resets=resets)
    fresh, end = stack(inputs()[3:])
    assert_same((outputs[3:], last), (fresh, end))


def test_each_block_reports_its_backend() -> None:
    names = [choice.backend.name for choice in blocks().choices(Call())]
    assert names == ["chunkwise", choose(SLSTM(8, 8), Call()).backend.name, "chunkwise"]


def test_no_state_is_returned_unless_wanted() -> None:
    outputs, nothing = blocks()(inputs(), return_state=False)
    assert nothing is None
    assert_same(outputs, blocks()(inputs())[0])


def test_runs_without_a_device() -> None:
    outputs, last = blocks().to("meta")(inputs().to("meta"))
    assert outputs.is_meta
    assert all(part.is_meta and part.shape[0] == BATCH for part in leaves(last))
