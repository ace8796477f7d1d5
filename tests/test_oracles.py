"""The oracles against values worked out by hand: one unit, gates that are 0.5 or wide open."""

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


def test_the_original_only_adds() -> None:
    weights = {"input": WIDE, "candidate": INPUT, "output": HALF}
    outputs, (h, c) = oracles.original([[1.0], [-2.0]], ([0.0], [3.0]), weights)
    assert c == pytest.approx([3.0 + tanh(1.0) - tanh(2.0)])
    assert h == outputs[-1] == pytest.approx([0.5 * tanh(c[0])])


def test_the_squashing_of_1997() -> None:
    weights = {"input": WIDE, "candidate": INPUT, "output": WIDE}
    [output], (_, c) = oracles.original([[log(3.0)]], ([0.0], [0.0]), weights, squash="1997")
    assert c == pytest.approx([1.0])  # 4 · 3/4 − 2
    assert output == pytest.approx([2.0 / (1.0 + exp(-1.0)) - 1.0])


def test_lstm_forgets_half() -> None:
    weights = {"input": SHUT, "forget": HALF, "candidate": INPUT, "output": WIDE}
    _, (h, c) = oracles.lstm([[9.0], [9.0]], ([0.0], [4.0]), weights)
    assert c == pytest.approx([1.0])
    assert h == pytest.approx([tanh(1.0)])


def test_coupled_admits_what_it_forgets() -> None:
    forget = Gate([[0.0]], [[0.0]], [log(3.0)])
    weights = {"forget": forget, "candidate": WIDE, "output": WIDE}
    _, (_, c) = oracles.coupled(NO_STEP, ([0.0], [2.0]), weights)
    assert c == pytest.approx([0.75 * 2.0 + 0.25])


def test_which_cell_a_peephole_sees() -> None:
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


def test_the_cell_as_recurrence_is_read_before_it_changes_and_h_never() -> None:
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
def test_one_change_a_variant(variant: str, cell: float, output: float) -> None:
    weights = {"input": HALF, "forget": HALF, "candidate": WIDE, "output": HALF}
    closed = {"NIG": ["input"], "NFG": ["forget"], "NOG": ["output"], "CIFG": ["forget"]}
    for name in closed.get(variant, []):
        del weights[name]
    peepholes = {name: [0.0] for name in weights if name != "candidate" and variant != "NP"}
    [result], (_, c) = oracles.greff(NO_STEP, ([0.0], [4.0]), weights, peepholes, variant=variant)
    assert c == pytest.approx([cell])
    assert result == pytest.approx([output])


def test_the_coupled_variant_of_the_odyssey_keeps_the_peephole_of_its_input_gate() -> None:
    weights = {"input": HALF, "candidate": WIDE, "output": HALF}
    peepholes = {"input": [log(3.0) / 2.0], "output": [0.0]}
    _, (_, c) = oracles.greff(NO_STEP, ([0.0], [2.0]), weights, peepholes, variant="CIFG")
    assert c == pytest.approx([0.25 * 2.0 + 0.75])


def test_the_vanilla_of_the_odyssey_is_the_peephole_lstm() -> None:
    generator = random.Random(0)
    weights = gates("input forget candidate output", 3, 2, generator)
    peepholes = {name: vector(2, generator) for name in ("input", "forget", "output")}
    inputs = matrix(4, 3, generator)
    state = (vector(2, generator), vector(2, generator))
    assert oracles.greff(inputs, state, weights, peepholes, variant="V") == oracles.peephole(
        inputs, state, weights, peepholes
    )


def test_gates_that_read_the_gates_before() -> None:
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
def test_only_the_short_term_fades(decay: str, fade: float) -> None:
    weights = {"input": SHUT, "forget": WIDE, "candidate": INPUT, "output": WIDE}
    _, (_, c) = oracles.timeaware(
        NO_STEP, [3.0], ([0.0], [2.0]), weights, ([[1.0]], [0.0]), decay=decay
    )
    assert c == pytest.approx([2.0 - tanh(2.0) + tanh(2.0) * fade])


def test_a_kernel_is_not_flipped_and_reads_zeros_outside() -> None:
    still: Matrix = [[0.0, 0.0, 0.0]]
    shut = ([still], [still])
    kernels = {"input": shut, "forget": shut, "output": shut}
    kernels["candidate"] = ([[[1.0, 0.0, 0.0]]], [still])
    biases = {"input": [OPEN], "forget": [OPEN], "candidate": [0.0], "output": [OPEN]}
    peepholes = {name: [0.0] * 3 for name in ("input", "forget", "output")}
    _, (_, c) = oracles.convolutional(
        [[0.1, 0.2, 0.3]], ([0.0] * 3, [0.0] * 3), kernels, peepholes, biases, extent=[3]
    )
    assert c == pytest.approx([0.0, tanh(0.1), tanh(0.2)])


def test_rows_columns_and_channels_of_a_plane() -> None:
    still = [[[0.0] * 3] * 3] * 2
    right_below = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    kernels = {name: ([still], [still[:1]]) for name in ("input", "forget", "candidate", "output")}
    kernels["candidate"] = ([[still[0], right_below]], [still[:1]])
    biases = {"input": [OPEN], "forget": [OPEN], "candidate": [0.0], "output": [OPEN]}
    peepholes = {name: [0.0] * 6 for name in ("input", "forget", "output")}
    second = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]  # the second channel: two rows of three
    _, (_, c) = oracles.convolutional(
        [[9.0] * 6 + second], ([0.0] * 6, [0.0] * 6), kernels, peepholes, biases, extent=[2, 3]
    )
    assert c == pytest.approx([tanh(0.5), tanh(0.6), 0.0, 0.0, 0.0, 0.0])


def test_a_convolution_of_one_tap_at_one_place_is_the_peephole_lstm() -> None:
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


def test_layer_normalisation_of_one_vector_and_of_each_gate() -> None:
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
    two, three = [[log(3.0)]], [[1.0]]
    x = 0.4 * 1.5  # 2σ(log 3 · 1) = 1.5
    h = 2.0 / (1.0 + exp(-x))
    [output], (_, c) = oracles.mogrifier([[0.4]], ([1.0], [0.0]), weights, [two], [three])
    assert c == pytest.approx([tanh(x)])
    assert output == pytest.approx([tanh(c[0]) / (1.0 + exp(-h))])
    x *= 2.0 / (1.0 + 3.0**-h)
    _, (_, c) = oracles.mogrifier([[0.4]], ([1.0], [0.0]), weights, [two, two], [three])
    assert c == pytest.approx([tanh(x)])
    state = ([1.0], [0.5])
    assert oracles.mogrifier([[0.4]], state, weights, [], []) == oracles.lstm(
        [[0.4]], state, weights
    )


def test_multiplicative_reads_m_for_h() -> None:
    weights = {"input": WIDE, "forget": WIDE, "output": HALF}
    weights["candidate"] = Gate([[0.0]], [[1.0]], [0.0])
    arguments = ([[2.0]], ([0.5], [1.0]), weights, [[3.0]], [[0.25]])
    c = 1.0 + tanh(6.0 * 0.125)
    assert oracles.multiplicative(*arguments)[0][0] == pytest.approx([0.5 * tanh(c)])
    assert oracles.multiplicative(*arguments, output="paper")[0][0] == pytest.approx(
        [tanh(0.5 * c)]
    )
