"""The LSTM of 1997, of 2000, and with its gates coupled: nothing reads the cell but the output."""

from __future__ import annotations

from collections.abc import Sequence
from math import tanh

from tests.oracles.arithmetic import Result, Vector, Weights, activation, each, sigmoid, times


def original(
    inputs: Sequence[Vector],
    state: tuple[Vector, Vector],
    weights: Weights,
    *,
    squash: str = "tanh",
) -> Result:
    """Hochreiter & Schmidhuber (1997): no forget gate, so the cell only ever adds.

    With `squash = "1997"` the candidate goes through `4σ(x) − 2` and the cell, on its way out,
    through `2σ(x) − 1`.
    """
    h, c = state
    inwards, outwards = (wide, narrow) if squash == "1997" else (tanh, tanh)
    outputs = []
    for x in inputs:
        i = each(sigmoid, activation(weights["input"], x, h))
        o = each(sigmoid, activation(weights["output"], x, h))
        g = each(inwards, activation(weights["candidate"], x, h))
        c = each(lambda c, i, g: c + i * g, c, i, g)
        h = times(o, each(outwards, c))
        outputs.append(h)
    return outputs, (h, c)


def wide(value: float) -> float:
    """The 1997 paper's g: a sigmoid between −2 and 2."""
    return 4.0 * sigmoid(value) - 2.0


def narrow(value: float) -> float:
    """The 1997 paper's h: a sigmoid between −1 and 1."""
    return 2.0 * sigmoid(value) - 1.0


def lstm(inputs: Sequence[Vector], state: tuple[Vector, Vector], weights: Weights) -> Result:
    """Gers, Schmidhuber & Cummins (2000): the LSTM with a forget gate, without peepholes."""
    h, c = state
    outputs = []
    for x in inputs:
        h, c = lstm_step(x, h, c, weights)
        outputs.append(h)
    return outputs, (h, c)


def lstm_step(x: Vector, h: Vector, c: Vector, weights: Weights) -> tuple[Vector, Vector]:
    """One step of `lstm`: the new h and c. For the recurrences that change only what it reads."""
    i = each(sigmoid, activation(weights["input"], x, h))
    f = each(sigmoid, activation(weights["forget"], x, h))
    o = each(sigmoid, activation(weights["output"], x, h))
    g = each(tanh, activation(weights["candidate"], x, h))
    c = each(lambda f, c, i, g: f * c + i * g, f, c, i, g)
    return each(lambda o, c: o * tanh(c), o, c), c


def coupled(inputs: Sequence[Vector], state: tuple[Vector, Vector], weights: Weights) -> Result:
    """After Greff et al. (2015): `i = 1 − f`, the forget gate kept and no peepholes."""
    h, c = state
    outputs = []
    for x in inputs:
        f = each(sigmoid, activation(weights["forget"], x, h))
        o = each(sigmoid, activation(weights["output"], x, h))
        g = each(tanh, activation(weights["candidate"], x, h))
        c = each(lambda f, c, g: f * c + (1.0 - f) * g, f, c, g)
        h = each(lambda o, c: o * tanh(c), o, c)
        outputs.append(h)
    return outputs, (h, c)
