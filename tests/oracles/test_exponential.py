"""Exponential gates, xLSTM's blocks and the minimal units against values worked out by hand."""

from __future__ import annotations

import random
from math import inf, log, tanh

import pytest

from tests import oracles
from tests.oracles import Gate
from tests.oracles.by_hand import (
    HALF,
    INPUT,
    NO_STEP,
    OPEN,
    WIDE,
    close,
    gates,
    matrix,
    vector,
)


@pytest.mark.parametrize("forget", ["sigmoid", "exponential"])
def test_the_stabiliser_of_slstm_changes_nothing(forget: str) -> None:
    generator = random.Random(2)
    weights = gates("input forget candidate output", 3, 4, generator)
    inputs = matrix(6, 3, generator)
    zeros = [0.0] * 4
    plain = oracles.slstm_plain(inputs, weights, forget=forget)
    for m in (-inf, 0.0, 1.5):
        state = (zeros, zeros, zeros, [m] * 4)
        assert close(oracles.slstm(inputs, state, weights, forget=forget)[0], plain)


def test_slstm_is_a_weighted_mean_of_its_candidates() -> None:
    enters = Gate([[1.0]], [[0.0]], [0.0])
    weights = {"input": enters, "forget": HALF, "candidate": INPUT, "output": WIDE}
    state = ([0.0], [0.0], [0.0], [-inf])
    outputs, (_, c, n, m) = oracles.slstm([[0.0], [log(3.0)]], state, weights)
    late = 3.0 / 3.5  # weights 1 · 0.5 and 3
    assert outputs[0] == pytest.approx([0.0])
    assert outputs[1] == pytest.approx([late * tanh(log(3.0))])
    assert m == pytest.approx([log(3.0)])
    assert n == pytest.approx([0.5 / 3.0 + 1.0])
    assert c == pytest.approx([tanh(log(3.0))])


def test_mlstm_recalls_the_value_by_its_key() -> None:
    shut, whole = ([[0.0]], [-OPEN]), ([[0.0] * 4] * 4, [OPEN] * 4)
    eye = [[float(a == b) for b in range(4)] for a in range(4)]
    key = ([[0.0] * 4] * 4, [2.0, 0.0, 0.0, 0.0])
    zero = ([[[0.0] * 4] * 4], [[0.0] * 4], [-inf])
    input = ([[0.0] * 4], [0.0])
    value = [0.3, -0.2, 0.1, 0.4]
    # The key is 2/√4 = 1 on one axis; the query, too, reads 1: what was stored comes back.
    query = ([[0.0] * 4] * 4, [1.0, 5.0, 0.0, 0.0])
    forget = ([[0.0] * 4], shut[1])
    [output], (C, n, m) = oracles.mlstm(
        [value], zero, query, key, (eye, [0.0] * 4), whole, input, forget, heads=1
    )
    assert output == pytest.approx(value)
    assert [row[0] for row in C[0]] == pytest.approx(value)
    assert n == [pytest.approx([1.0, 0.0, 0.0, 0.0])]
    assert m == [0.0]
    # A query that hardly meets the key is not blown up: the denominator stays at exp(−m) = 1.
    faint = ([[0.0] * 4] * 4, [0.25, 0.0, 0.0, 0.0])
    [output], _ = oracles.mlstm(
        [value], zero, faint, key, (eye, [0.0] * 4), whole, input, forget, heads=1
    )
    assert output == pytest.approx([0.25 * element for element in value])


def test_mlstm_keeps_its_heads_apart() -> None:
    generator = random.Random(3)
    q, k, v, o = ((matrix(4, 3, generator), vector(4, generator)) for _ in range(4))
    i, f = ((matrix(2, 3, generator), vector(2, generator)) for _ in range(2))
    inputs = matrix(5, 3, generator)
    empty = [[0.0, 0.0], [0.0, 0.0]]
    both, _ = oracles.mlstm(
        inputs, ([empty] * 2, [[0.0, 0.0]] * 2, [-inf] * 2), q, k, v, o, i, f, heads=2
    )
    for head in range(2):
        units, row = slice(2 * head, 2 * head + 2), slice(head, head + 1)
        parts = [(W[units], b[units]) for W, b in (q, k, v, o)]
        scalar = [(W[row], b[row]) for W, b in (i, f)]
        alone, _ = oracles.mlstm(inputs, ([empty], [[0.0, 0.0]], [-inf]), *parts, *scalar, heads=1)
        assert [output[units] for output in both] == alone


def test_a_very_shut_input_gate_gives_zero() -> None:
    one = ([[0.0]], [1.0])
    shut = ([[0.0]], [-1000.0])
    state = ([[[0.0]]], [[0.0]], [-inf])
    assert oracles.mlstm(NO_STEP, state, one, one, one, one, shut, one, heads=1)[0] == [[0.0]]


def test_the_minimal_units() -> None:
    quarter = ([[0.0]], [-log(3.0)])
    itself = ([[1.0]], [0.0])
    assert oracles.mingru([[8.0]], ([4.0],), quarter, itself)[0][0] == pytest.approx([5.0])
    assert oracles.mingru([[8.0]], ([4.0],), quarter, itself, positive=True)[0][0] == pytest.approx(
        [5.125]
    )
    assert oracles.mingru([[-log(3.0)]], ([4.0],), quarter, itself, positive=True)[0][
        0
    ] == pytest.approx([3.0625])
    half = ([[0.0]], [0.0])
    arguments = ([[9.0]], ([4.0],), quarter, half, itself)  # 1/4 and 1/2: one third, two thirds
    assert oracles.minlstm(*arguments)[0][0] == pytest.approx([22.0 / 3.0])
    assert oracles.minlstm(*arguments, positive=True)[0][0] == pytest.approx([23.0 / 3.0])


def test_a_block_that_projects_down_to_nothing_is_its_input() -> None:
    generator = random.Random(4)
    inputs = matrix(3, 2, generator)
    nothing = ([[0.0] * 4] * 2, [0.0] * 2)
    widen = (matrix(4, 2, generator), vector(4, generator))
    inner = (matrix(4, 4, generator), vector(4, generator))
    rows = (matrix(2, 12, generator), vector(2, generator))
    memory = ([[[0.0, 0.0], [0.0, 0.0]]] * 2, [[0.0, 0.0]] * 2, [-inf] * 2)
    result, (past, _) = oracles.mlstm_block(
        inputs,
        ([[0.0] * 4] * 3, memory),
        heads=2,
        norm=([1.0, 1.0], [0.0, 0.0]),
        up=widen,
        gate=widen,
        convolution=(matrix(4, 4, generator), vector(4, generator)),
        q=inner,
        k=inner,
        v=inner,
        input=rows,
        forget_gate=rows,
        head_norm=([1.0] * 4, [0.0] * 4),
        skip=[1.0] * 4,
        down=nothing,
    )
    assert result == inputs
    assert len(past) == 3


def test_the_first_branch_of_an_slstm_block_is_normalised_by_head() -> None:
    generator = random.Random(5)
    weights = gates("input forget candidate output", 4, 4, generator)
    ones, zeros = [1.0] * 4, [0.0] * 4
    nothing = ([zeros] * 4, zeros)
    x = vector(4, generator)
    [y], _ = oracles.slstm_block(
        [x],
        (zeros, zeros, zeros, [-inf] * 4),
        weights,
        heads=2,
        norm=(ones, zeros),
        head_norm=(ones, zeros),
        feed_norm=(ones, zeros),
        gate=nothing,
        up=nothing,
        down=nothing,
        epsilon=0.0,
    )
    branch = [b - a for a, b in zip(x, y, strict=True)]
    assert [abs(value) for value in branch] == pytest.approx(ones)
    assert branch[0] + branch[1] == pytest.approx(0.0, abs=1e-12)
    assert branch[2] + branch[3] == pytest.approx(0.0, abs=1e-12)
