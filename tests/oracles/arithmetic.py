"""Vectors and matrices as lists of floats, and the few operations that every recurrence needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import exp, log1p, sqrt
from typing import NamedTuple

Vector = list[float]
Matrix = list[Vector]
Result = tuple[list[Vector], tuple[Vector, ...]]
Affine = tuple[Matrix, Vector]


class Gate(NamedTuple):
    """What one gate owns: input weights, recurrent weights and its one bias."""

    W: Matrix
    R: Matrix
    b: Vector


Weights = Mapping[str, Gate]


def sigmoid(value: float) -> float:
    """The logistic function, `1 / (1 + e^-value)`."""
    return 1.0 / (1.0 + exp(-value))


def log_sigmoid(value: float) -> float:
    """The logarithm of the logistic function, for large values of either sign."""
    return min(value, 0.0) - log1p(exp(-abs(value)))


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


def times(left: Vector, right: Vector) -> Vector:
    """The element-wise product, `∘`."""
    return each(lambda a, b: a * b, left, right)


def activation(gate: Gate, x: Vector, h: Vector) -> Vector:
    """What a gate sees before it is squashed: `W x + R h + b`."""
    return total(product(gate.W, x), product(gate.R, h), gate.b)


def affine(parameters: Affine, x: Vector) -> Vector:
    """`W x + b`, for what reads the input alone."""
    W, b = parameters
    return total(product(W, x), b)


def normalized(vector: Vector, gain: Vector, epsilon: float) -> Vector:
    """Less its mean, over its standard deviation (biased, with epsilon under the root), scaled."""
    mean = sum(vector) / len(vector)
    centred = [value - mean for value in vector]
    variance = sum(value**2 for value in centred) / len(vector)
    return [a * value / sqrt(variance + epsilon) for a, value in zip(gain, centred, strict=True)]
