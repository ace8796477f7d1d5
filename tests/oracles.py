"""The recurrences of the literature once more, one number at a time.

Plain Python floats, lists and loops: no tensor, no broadcasting, no batch, nothing shared with the
package. Each function reads one sequence and returns its outputs and its last state, so that a
cell can be held against its paper instead of against itself.

Everywhere: `inputs` is a list over time of vectors, `state` a tuple of vectors, and `weights` maps
the name of a gate to its `Gate`. In the equations x is the input, h the hidden state, c the cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import exp, tanh
from typing import NamedTuple

Vector = list[float]
Matrix = list[Vector]
Result = tuple[list[Vector], tuple[Vector, ...]]


class Gate(NamedTuple):
    """What one gate owns: input weights, recurrent weights and its one bias."""

    W: Matrix
    R: Matrix
    b: Vector


Weights = Mapping[str, Gate]


def sigmoid(value: float) -> float:
    """The logistic function, `1 / (1 + e^-value)`."""
    return 1.0 / (1.0 + exp(-value))


def product(matrix: Matrix, vector: Vector) -> Vector:
    """Matrix times vector."""
    result = []
    for row in matrix:
        accumulated = 0.0
        for weight, value in zip(row, vector, strict=True):
            accumulated += weight * value
        result.append(accumulated)
    return result


def each(function: Callable[..., float], *vectors: Vector) -> Vector:
    """`function` of the k-th elements of all vectors, for each k."""
    return [function(*values) for values in zip(*vectors, strict=True)]


def total(*vectors: Vector) -> Vector:
    """The sum of vectors."""
    return each(lambda *values: sum(values), *vectors)


def activation(gate: Gate, x: Vector, h: Vector) -> Vector:
    """What a gate sees before it is squashed: `W x + R h + b`."""
    return total(product(gate.W, x), product(gate.R, h), gate.b)


def lstm(inputs: Sequence[Vector], state: tuple[Vector, Vector], weights: Weights) -> Result:
    """Gers, Schmidhuber & Cummins (2000): the LSTM with a forget gate, without peepholes."""
    h, c = state
    outputs = []
    for x in inputs:
        i = each(sigmoid, activation(weights["input"], x, h))
        f = each(sigmoid, activation(weights["forget"], x, h))
        o = each(sigmoid, activation(weights["output"], x, h))
        g = each(tanh, activation(weights["candidate"], x, h))
        c = each(lambda f, c, i, g: f * c + i * g, f, c, i, g)
        h = each(lambda o, c: o * tanh(c), o, c)
        outputs.append(h)
    return outputs, (h, c)


def gru_before(inputs: Sequence[Vector], state: tuple[Vector], weights: Weights) -> Result:
    """Cho et al. (2014), as published: the reset gate acts before the recurrent product."""
    (h,) = state
    outputs = []
    for x in inputs:
        r = each(sigmoid, activation(weights["reset"], x, h))
        z = each(sigmoid, activation(weights["update"], x, h))
        n = each(tanh, activation(weights["candidate"], x, each(lambda r, h: r * h, r, h)))
        h = each(lambda z, n, h: (1.0 - z) * n + z * h, z, n, h)
        outputs.append(h)
    return outputs, (h,)


def gru_after(
    inputs: Sequence[Vector], state: tuple[Vector], weights: Weights, recurrent_bias: Vector
) -> Result:
    """Cho et al. (2014) as cuDNN computes it: the reset gate acts after the recurrent product.

    The product has a bias of its own, inside the reset: `n = tanh(W x + b + r ∘ (R h + b_R))`.
    """
    (h,) = state
    W, R, b = weights["candidate"]
    outputs = []
    for x in inputs:
        r = each(sigmoid, activation(weights["reset"], x, h))
        z = each(sigmoid, activation(weights["update"], x, h))
        recalled = total(product(R, h), recurrent_bias)
        n = each(lambda a, b, r, p: tanh(a + b + r * p), product(W, x), b, r, recalled)
        h = each(lambda z, n, h: (1.0 - z) * n + z * h, z, n, h)
        outputs.append(h)
    return outputs, (h,)


def elman(inputs: Sequence[Vector], state: tuple[Vector], weights: Weights) -> Result:
    """Elman (1990): `h_t = tanh(W x_t + R h_{t-1} + b)`."""
    (h,) = state
    outputs = []
    for x in inputs:
        h = each(tanh, activation(weights["hidden"], x, h))
        outputs.append(h)
    return outputs, (h,)
