"""Stacks of layers, compared with the same layers called by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from seqlstm.recurrent.backends import BACKENDS, Call
from seqlstm.recurrent.catalogue import CELLS
from seqlstm.recurrent.connections import HighwayConnection, PlainConnection
from seqlstm.recurrent.layer import Bidirectional, Recurrent
from seqlstm.recurrent.stack import Stack
from seqlstm.recurrent.state import select
from tests.recurrent.cases import BATCH, LENGTHS, TIME, Case, assert_same, every_cell, leaves, noise
from tests.recurrent.stacks import (
    HIDDEN,
    LSTM,
    WIDTH,
    every_shape,
    inputs_for,
    lived_in,
    one_way,
    stack_of,
)

CONTEXT = 2


# Connections.


@pytest.mark.parametrize("bidirectional", [False, True])
@every_cell
def test_plain_layers_read_the_one_below(case: Case, bidirectional: bool) -> None:
    stack = stack_of(case, bidirectional=bidirectional, input_size=4, hidden_size=8)
    inputs = inputs_for(stack)
    outputs, last = stack(inputs)
    expected, states = inputs, []
    for layer in stack.layers:
        assert isinstance(layer, Bidirectional if bidirectional else Recurrent)
        expected, state = layer(expected)
        states.append(state)
    assert_same(outputs, expected)
    assert_same(last, tuple(states))


def test_residual_adds_the_input() -> None:
    stack = stack_of(connection="residual")
    x = inputs_for(stack)
    outputs, _ = stack(x)
    for layer in stack.layers:
        x = layer(x)[0] + x
    assert_same(outputs, x)


def test_the_input_of_a_connection_is_not_dropped() -> None:
    stack = Stack(
        CELLS["lstm"],
        input_size=HIDDEN,
        hidden_size=HIDDEN,
        num_layers=3,
        connection="residual",
        dropout=0.9,
    ).double()
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.zero_()  # so that every layer gives zero
    inputs = noise(TIME, BATCH, HIDDEN)
    assert_same(stack.train()(inputs)[0], inputs)


def test_highway_mixes_by_its_transform_gate() -> None:
    stack = stack_of(connection="highway")
    x = inputs_for(stack)
    outputs, _ = stack(x)
    for layer, connection in zip(stack.layers, stack.connections, strict=True):
        weight, bias = connection.transform.weight, connection.transform.bias
        gate = torch.sigmoid(x @ weight.T + bias)
        x = gate * layer(x)[0] + (1 - gate) * x
    assert_same(outputs, x)


def test_a_new_highway_carries_more_than_it_transforms() -> None:
    stack = Stack(
        CELLS["lstm"], input_size=HIDDEN, hidden_size=HIDDEN, num_layers=2, connection="highway"
    )
    biases = [connection.transform.bias for connection in stack.connections]
    assert all((bias < 0).all() for bias in biases)


@pytest.mark.parametrize("connection", ["residual", "highway"])
def test_a_connection_goes_round_layers_that_keep_the_width_only(connection: str) -> None:
    stack, plain = stack_of(connection=connection, input_size=3), stack_of(input_size=3)
    plain.layers.load_state_dict(stack.layers.state_dict())
    x = inputs_for(stack)
    first = plain.layers[0](x)[0]
    single = stack_of(connection=connection, input_size=3, num_layers=1)
    single.layers[0].load_state_dict(plain.layers[0].state_dict())
    assert_same(single(x)[0], first)
    assert (stack(x)[0] - plain(x)[0]).abs().max() > 1e-3


def test_an_unknown_connection_is_refused() -> None:
    with pytest.raises(ValueError, match=r"connection.*dense"):
        stack_of(connection="dense")


# Sizes.


@every_shape
def test_the_output_has_the_width_it_says(options: dict[str, Any]) -> None:
    stack = stack_of(**options)
    assert stack.output == HIDDEN
    assert stack(inputs_for(stack))[0].shape == (TIME, BATCH, HIDDEN)


def test_layers_of_unlike_sizes() -> None:
    stack = stack_of(hidden_size=[5, 6, 2], connection="residual")
    shapes = [(layer.cell.input_size, layer.cell.hidden_size) for layer in stack.layers]
    assert shapes == [(WIDTH, 5), (5, 6), (6, 2)]
    assert stack.output == 2
    with pytest.raises(ValueError, match=r"each of 3 layers.*\[5, 6\]"):
        stack_of(hidden_size=[5, 6])
    both = stack_of(hidden_size=[4, 6, 2], bidirectional=True)
    assert [layer.output for layer in both.layers] == [4, 6, 2]
    with pytest.raises(ValueError, match="even"):
        stack_of(hidden_size=[4, 5, 2], bidirectional=True)


def test_a_connection_goes_round_those_layers_of_a_list_that_keep_the_width() -> None:
    stack = stack_of(hidden_size=[5, 5, 3], connection="highway")
    assert [type(one) for one in stack.connections] == [
        PlainConnection,
        HighwayConnection,
        PlainConnection,
    ]


def test_no_layers_hand_the_input_on() -> None:
    stack = stack_of(num_layers=0, input_size=3)
    inputs = noise(TIME, BATCH, 3)
    outputs, last = stack(inputs)
    assert stack.output == 3
    assert torch.equal(outputs, inputs)
    assert leaves(last) == []


def test_a_bidirectional_stack_halves_its_hidden_size() -> None:
    with pytest.raises(ValueError, match=r"even.*5"):
        stack_of(bidirectional=True, hidden_size=5)


# The laws of a layer hold for a stack.


@one_way
def test_whole_equals_in_pieces(options: dict[str, Any]) -> None:
    stack = stack_of(**options)
    inputs, state = inputs_for(stack), lived_in(stack)
    outputs, last = stack(inputs, state)
    pieces = []
    for piece in inputs.split([2, 1, 4]):
        read, state = stack(piece, state)
        pieces.append(read)
    assert_same(torch.cat(pieces), outputs)
    assert_same(state, last)


@every_shape
def test_no_state_means_the_first_state(options: dict[str, Any]) -> None:
    stack = stack_of(**options)
    inputs = inputs_for(stack)
    assert_same(stack(inputs), stack(inputs, stack.initial_state(BATCH)))


@every_shape
def test_padded_equals_alone(options: dict[str, Any]) -> None:
    stack = stack_of(**options)
    inputs, lengths, state = inputs_for(stack), torch.tensor(LENGTHS), lived_in(stack)
    ended = torch.arange(TIME).unsqueeze(1) >= lengths
    inputs = inputs.masked_fill(ended.unsqueeze(-1), 1e4)
    outputs, last = stack(inputs, state, lengths=lengths)
    without, nothing = stack(inputs, state, lengths=lengths, return_state=False)
    assert nothing is None
    for row, length in enumerate(LENGTHS):
        index = torch.tensor([row])
        read, end = stack(inputs[:length, index], select(state, index))
        assert_same((outputs[:length, index], select(last, index)), (read, end))
        assert_same(without[:length, index], read)


@every_shape
def test_rows_do_not_see_each_other(options: dict[str, Any]) -> None:
    stack = stack_of(**options)
    inputs, state, rows = inputs_for(stack), lived_in(stack), torch.tensor([3, 0, 2, 1, 0])
    outputs, last = stack(inputs, state)
    permuted = stack(inputs[:, rows], select(state, rows))
    assert_same(permuted, (outputs[:, rows], select(last, rows)))


@one_way
def test_a_reset_is_a_fresh_start(options: dict[str, Any]) -> None:
    stack = stack_of(**options)
    inputs, state = inputs_for(stack), lived_in(stack)
    resets = torch.zeros(TIME, BATCH, dtype=torch.bool)
    resets[3] = True
    outputs, last = stack(inputs, state, resets=resets)
    assert_same(outputs[:3], stack(inputs[:3], state)[0])
    assert_same((outputs[3:], last), stack(inputs[3:]))


def test_a_bidirectional_stack_refuses_resets() -> None:
    stack = stack_of(bidirectional=True)
    with pytest.raises(ValueError, match="reset"):
        stack(inputs_for(stack), resets=torch.zeros(TIME, BATCH, dtype=torch.bool))


# Context.


@pytest.mark.parametrize("connection", ["plain", "residual", "highway"])
def test_context_joins_the_input_of_every_layer(connection: str) -> None:
    stack = stack_of(context=CONTEXT, connection=connection)
    x, context = noise(TIME, BATCH, WIDTH), noise(TIME, BATCH, CONTEXT, seed=9)
    outputs, _ = stack(x, context=context)
    for layer, connect in zip(stack.layers, stack.connections, strict=True):
        x = connect(x, layer(torch.cat([x, context], dim=-1))[0])
    assert_same(outputs, x)


def test_context_does_not_widen_a_connection() -> None:
    stack = stack_of(context=CONTEXT, connection="residual", num_layers=1)
    x, context = noise(TIME, BATCH, WIDTH), noise(TIME, BATCH, CONTEXT, seed=9)
    joined = torch.cat([x, context], dim=-1)
    assert_same(stack(x, context=context)[0], x + stack.layers[0](joined)[0])


# Backends and devices.


def test_each_layer_reports_its_backend() -> None:
    call = Call(resets=True)
    choices = stack_of().choices(call)
    assert len(choices) == 3
    assert all(choice.backend.unsupported_reason(LSTM.build(), call) is None for choice in choices)
    assert all(str(choice).startswith(choice.backend.name) for choice in choices)
    assert [choice.backend for choice in stack_of(backend="loop").choices(call)] == (
        [BACKENDS["loop"]] * 3
    )


def test_a_backend_by_name_runs_every_layer() -> None:
    stack = stack_of(backend="torch-fused")
    inputs = inputs_for(stack)
    assert_same(stack(inputs), stack_of(backend="loop")(inputs))
    with pytest.raises(ValueError, match="torch-fused"):
        stack(inputs, lengths=torch.tensor(LENGTHS))


@every_shape
def test_runs_without_a_device(options: dict[str, Any]) -> None:
    stack = stack_of(dropout=0.5, weight_drop=0.5, **options).to("meta").train()
    inputs = inputs_for(stack).to("meta")
    outputs, last = stack(inputs, lengths=torch.tensor(LENGTHS, device="meta"))
    assert outputs.is_meta
    assert outputs.shape == (TIME, BATCH, HIDDEN)
    assert all(part.is_meta and part.shape[0] == BATCH for part in leaves(last))
