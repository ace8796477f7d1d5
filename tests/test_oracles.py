"""The oracles against values computed by hand: one unit, with gates that are 0.5 or open."""

from __future__ import annotations

import random
from math import e, exp, log, sqrt, tanh

import pytest

from tests import oracles
from tests.oracles import Gate, Matrix
from tests.oracles.by_hand import (
    HALF,
    INPUT,
    NO_STEP,
    OPEN,
    SHUT,
    WIDE,
    close,
    gates,
    matrix,
    taps,
    vector,
)


def test_the_lstm_of_1997_has_no_forget_gate() -> None:
    weights = {"input": WIDE, "candidate": INPUT, "output": HALF}
    outputs, (h, c) = oracles.original([[1.0], [-2.0]], ([0.0], [3.0]), weights)
    assert c == pytest.approx([3.0 + tanh(1.0) - tanh(2.0)])
    assert h == outputs[-1] == pytest.approx([0.5 * tanh(c[0])])


def test_the_squashing_functions_of_1997() -> None:
    weights = {"input": WIDE, "candidate": INPUT, "output": WIDE}
    [output], (_, c) = oracles.original([[log(3.0)]], ([0.0], [0.0]), weights, squash="1997")
    assert c == pytest.approx([1.0])  # 4 · 3/4 − 2
    assert output == pytest.approx([2.0 / (1.0 + exp(-1.0)) - 1.0])


def test_lstm_with_a_half_open_forget_gate() -> None:
    weights = {"input": SHUT, "forget": HALF, "candidate": INPUT, "output": WIDE}
    _, (h, c) = oracles.lstm([[9.0], [9.0]], ([0.0], [4.0]), weights)
    assert c == pytest.approx([1.0])
    assert h == pytest.approx([tanh(1.0)])


def test_cifg_input_gate_is_one_minus_the_forget_gate() -> None:
    forget = Gate([[0.0]], [[0.0]], [log(3.0)])
    weights = {"forget": forget, "candidate": WIDE, "output": WIDE}
    _, (_, c) = oracles.coupled(NO_STEP, ([0.0], [2.0]), weights)
    assert c == pytest.approx([0.75 * 2.0 + 0.25])


def test_input_and_forget_peepholes_read_the_old_cell_and_output_the_new() -> None:
    weights = {"input": HALF, "forget": HALF, "candidate": WIDE, "output": HALF}
    old, new = log(3.0), 0.75 * log(3.0) + 0.25
    peepholes = {"input": [-1.0], "forget": [1.0], "output": [2.0]}
    [output], (_, c) = oracles.peephole(
        NO_STEP, ([0.0], [old]), weights, peepholes, output="identity"
    )
    assert c == pytest.approx([new])
    assert output == pytest.approx([new / (1.0 + exp(-2.0 * new))])
    [output], _ = oracles.peephole(NO_STEP, ([0.0], [old]), weights, peepholes)
    assert output == pytest.approx([tanh(new) / (1.0 + exp(-2.0 * new))])


def test_gates_that_recur_on_the_cell_read_its_old_value_and_never_h() -> None:
    reads = Gate([[0.0]], [[1.0]], [0.0])
    blind = Gate([[0.0]], [[7.0]], [OPEN])
    weights = {"input": reads, "forget": reads, "candidate": blind, "output": reads}
    [output], (_, c) = oracles.peephole_cell(
        NO_STEP, ([-99.0], [log(3.0)]), weights, output="identity"
    )
    assert c == pytest.approx([0.75 * log(3.0) + 0.75])
    assert output == pytest.approx([0.75 * c[0]])


@pytest.mark.parametrize(
    ("variant", "cell", "output"),
    [
        ("V", 2.5, 0.5 * tanh(2.5)),
        ("NIG", 3.0, 0.5 * tanh(3.0)),
        ("NFG", 4.5, 0.5 * tanh(4.5)),
        ("NOG", 2.5, tanh(2.5)),
        ("NIAF", 27.0, 0.5 * tanh(27.0)),
        ("NOAF", 2.5, 1.25),
        ("CIFG", 2.5, 0.5 * tanh(2.5)),
        ("NP", 2.5, 0.5 * tanh(2.5)),
    ],
)
def test_odyssey_variants(variant: str, cell: float, output: float) -> None:
    weights = {"input": HALF, "forget": HALF, "candidate": WIDE, "output": HALF}
    closed = {"NIG": ["input"], "NFG": ["forget"], "NOG": ["output"], "CIFG": ["forget"]}
    for name in closed.get(variant, []):
        del weights[name]
    peepholes = {name: [0.0] for name in weights if name != "candidate" and variant != "NP"}
    [result], (_, c) = oracles.greff(NO_STEP, ([0.0], [4.0]), weights, peepholes, variant=variant)
    assert c == pytest.approx([cell])
    assert result == pytest.approx([output])


def test_odyssey_cifg_has_the_peephole_of_the_input_gate() -> None:
    weights = {"input": HALF, "candidate": WIDE, "output": HALF}
    peepholes = {"input": [log(3.0) / 2.0], "output": [0.0]}
    _, (_, c) = oracles.greff(NO_STEP, ([0.0], [2.0]), weights, peepholes, variant="CIFG")
    assert c == pytest.approx([0.25 * 2.0 + 0.75])


def test_odyssey_vanilla_equals_the_peephole_lstm() -> None:
    generator = random.Random(0)
    weights = gates("input forget candidate output", 3, 2, generator)
    peepholes = {name: vector(2, generator) for name in ("input", "forget", "output")}
    inputs = matrix(4, 3, generator)
    state = (vector(2, generator), vector(2, generator))
    assert oracles.greff(inputs, state, weights, peepholes, variant="V") == oracles.peephole(
        inputs, state, weights, peepholes
    )


def test_full_gate_recurrence() -> None:
    weights = {"input": HALF, "forget": SHUT, "candidate": WIDE, "output": HALF}
    readers = ("input", "forget", "output")
    recurrent: dict[tuple[str, str], Matrix] = {(a, b): [[0.0]] for a in readers for b in readers}
    recurrent["input", "forget"] = [[log(3.0)]]
    state = ([0.0], [0.0], [0.0], [1.0], [0.0])
    peepholes = {name: [0.0] for name in readers}
    _, (_, c, i, f, o) = oracles.greff(
        NO_STEP, state, weights, peepholes, variant="FGR", gate_recurrent=recurrent
    )
    assert c == pytest.approx([0.75])
    assert i == pytest.approx([0.75])
    assert o == [0.5]
    assert f == pytest.approx([0.0], abs=1e-12)


@pytest.mark.parametrize(("decay", "fade"), [("log", 1.0 / log(e + 3.0)), ("inverse", 1.0 / 3.0)])
def test_time_decays_only_the_short_term_memory(decay: str, fade: float) -> None:
    weights = {"input": SHUT, "forget": WIDE, "candidate": INPUT, "output": WIDE}
    _, (_, c) = oracles.timeaware(
        NO_STEP, [3.0], ([0.0], [2.0]), weights, ([[1.0]], [0.0]), decay=decay
    )
    assert c == pytest.approx([2.0 - tanh(2.0) + tanh(2.0) * fade])


def test_convolution_is_cross_correlation_with_zero_padding() -> None:
    zero: Matrix = [[0.0, 0.0, 0.0]]
    zeros = ([zero], [zero])
    kernels = {"input": zeros, "forget": zeros, "output": zeros}
    kernels["candidate"] = ([[[1.0, 0.0, 0.0]]], [zero])
    biases = {"input": [OPEN], "forget": [OPEN], "candidate": [0.0], "output": [OPEN]}
    peepholes = {name: [0.0] * 3 for name in ("input", "forget", "output")}
    _, (_, c) = oracles.convolutional(
        [[0.1, 0.2, 0.3]], ([0.0] * 3, [0.0] * 3), kernels, peepholes, biases, extent=[3]
    )
    assert c == pytest.approx([0.0, tanh(0.1), tanh(0.2)])


def test_two_dimensional_convolution_of_two_channels() -> None:
    zeros = [[[0.0] * 3] * 3] * 2
    bottom_right = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    kernels = {name: ([zeros], [zeros[:1]]) for name in ("input", "forget", "candidate", "output")}
    kernels["candidate"] = ([[zeros[0], bottom_right]], [zeros[:1]])
    biases = {"input": [OPEN], "forget": [OPEN], "candidate": [0.0], "output": [OPEN]}
    peepholes = {name: [0.0] * 6 for name in ("input", "forget", "output")}
    second = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]  # the second channel: two rows of three
    _, (_, c) = oracles.convolutional(
        [[9.0] * 6 + second], ([0.0] * 6, [0.0] * 6), kernels, peepholes, biases, extent=[2, 3]
    )
    assert c == pytest.approx([tanh(0.5), tanh(0.6), 0.0, 0.0, 0.0, 0.0])


def test_convolution_with_kernel_size_1_at_one_position_is_the_peephole_lstm() -> None:
    generator = random.Random(1)
    weights = gates("input forget candidate output", 3, 2, generator)
    peepholes = {name: vector(2, generator) for name in ("input", "forget", "output")}
    inputs, state = matrix(4, 3, generator), (vector(2, generator), vector(2, generator))
    kernels = {name: (taps(gate.W), taps(gate.R)) for name, gate in weights.items()}
    biases = {name: gate.b for name, gate in weights.items()}
    result, _ = oracles.convolutional(
        inputs,
        state,
        kernels,
        peepholes,
        biases,
        extent=[1, 1],
    )
    assert close(result, oracles.peephole(inputs, state, weights, peepholes)[0])


def test_layer_normalisation_of_all_gates_together_and_of_each_gate() -> None:
    W = [[1.0], [-1.0], [2.0], [0.0], [3.0], [-3.0], [1.0], [1.0]]
    zeros, ones = [0.0] * 8, [1.0] * 8
    bias = [0.0, 0.0, OPEN, OPEN, 0.0, 0.0, OPEN, OPEN]
    start, end = [0.5, -0.5], ([1.0, 1.0], [0.0, 0.0])
    # The rows' mean is 0.5 and their variance 26/8 − 1/4 = 3; candidates are rows 5 and 6.
    whole = [tanh(2.5 / sqrt(3.0)), tanh(-3.5 / sqrt(3.0))]
    i = [1.0 / (1.0 + exp(-0.5 / sqrt(3.0))), 1.0 / (1.0 + exp(1.5 / sqrt(3.0)))]
    c = [0.5 + i[0] * whole[0], -0.5 + i[1] * whole[1]]
    arguments = ([[1.0]], ([1.0, 2.0], start), W, [[0.0, 0.0]] * 8, bias, ones, zeros, *end)
    outputs, (_, cell) = oracles.layernorm(*arguments, epsilon=1e-12)
    assert cell == pytest.approx(c, abs=1e-9)
    assert outputs[0] == pytest.approx([tanh(1.0), tanh(-1.0)], abs=1e-9)  # two numbers, normalised

    _, (_, cell) = oracles.layernorm(*arguments, by_gate=True, epsilon=1e-12)
    i = [1.0 / (1.0 + exp(-1.0)), 1.0 / (1.0 + exp(1.0))]
    assert cell == pytest.approx([0.5 + i[0] * tanh(1.0), -0.5 - i[1] * tanh(1.0)], abs=1e-9)


def test_mogrifier_rounds() -> None:
    weights = {"input": WIDE, "forget": WIDE, "candidate": INPUT, "output": WIDE}
    weights["output"] = Gate([[0.0]], [[1.0]], [0.0])
    Q, R = [[log(3.0)]], [[1.0]]
    x = 0.4 * 1.5  # 2σ(log 3 · 1) = 1.5
    h = 2.0 / (1.0 + exp(-x))
    [output], (_, c) = oracles.mogrifier([[0.4]], ([1.0], [0.0]), weights, [Q], [R])
    assert c == pytest.approx([tanh(x)])
    assert output == pytest.approx([tanh(c[0]) / (1.0 + exp(-h))])
    x *= 2.0 / (1.0 + 3.0**-h)
    _, (_, c) = oracles.mogrifier([[0.4]], ([1.0], [0.0]), weights, [Q, Q], [R])
    assert c == pytest.approx([tanh(x)])
    state = ([1.0], [0.5])
    assert oracles.mogrifier([[0.4]], state, weights, [], []) == oracles.lstm(
        [[0.4]], state, weights
    )


def test_multiplicative_lstm_gates_read_m_in_place_of_h() -> None:
    weights = {"input": WIDE, "forget": WIDE, "output": HALF}
    weights["candidate"] = Gate([[0.0]], [[1.0]], [0.0])
    arguments = ([[2.0]], ([0.5], [1.0]), weights, [[3.0]], [[0.25]])
    c = 1.0 + tanh(6.0 * 0.125)
    assert oracles.multiplicative(*arguments)[0][0] == pytest.approx([0.5 * tanh(c)])
    assert oracles.multiplicative(*arguments, output="paper")[0][0] == pytest.approx(
        [tanh(0.5 * c)]
    )
