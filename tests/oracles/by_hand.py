"""One-unit gates whose value is known, and random weights, for the oracles' own tests."""

from __future__ import annotations

import random

import pytest

from tests.oracles.arithmetic import Gate, Matrix, Vector

OPEN = 50.0  # a bias: the sigmoid and the tanh of it are 1 to the last bit, near enough
HALF = Gate([[0.0]], [[0.0]], [0.0])
WIDE = Gate([[0.0]], [[0.0]], [OPEN])
SHUT = Gate([[0.0]], [[0.0]], [-OPEN])
INPUT = Gate([[1.0]], [[0.0]], [0.0])  # what the candidate sees: the input itself
NO_STEP = [[0.0]]


def matrix(rows: int, columns: int, generator: random.Random) -> Matrix:
    return [[generator.gauss(0.0, 0.7) for _ in range(columns)] for _ in range(rows)]


def vector(size: int, generator: random.Random) -> Vector:
    return [generator.gauss(0.0, 0.7) for _ in range(size)]


def gates(names: str, width: int, hidden: int, generator: random.Random) -> dict[str, Gate]:
    return {
        name: Gate(
            matrix(hidden, width, generator),
            matrix(hidden, hidden, generator),
            vector(hidden, generator),
        )
        for name in names.split()
    }


def taps(weights: Matrix) -> list[list[list[Vector]]]:
    """Each weight as a kernel of one row and one column."""
    return [[[[weight]] for weight in row] for row in weights]


def close(left: list[Vector], right: list[Vector]) -> bool:
    return all(a == pytest.approx(b, abs=1e-12) for a, b in zip(left, right, strict=True))
