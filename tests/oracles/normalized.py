"""The LSTM with layer normalization."""

from __future__ import annotations

from collections.abc import Sequence
from math import tanh

from tests.oracles.arithmetic import (
    Matrix,
    Result,
    Vector,
    each,
    normalized,
    product,
    sigmoid,
    times,
    total,
)


def layernorm(
    inputs: Sequence[Vector],
    state: tuple[Vector, Vector],
    W: Matrix,
    R: Matrix,
    b: Vector,
    alpha1: Vector,
    alpha2: Vector,
    alpha3: Vector,
    beta3: Vector,
    *,
    by_gate: bool = False,
    epsilon: float = 1e-5,
) -> Result:
    """Ba, Kiros & Hinton (2016): `LN(W x; α₁) + LN(R h; α₂) + b`, `h = o ∘ tanh(LN(c; α₃, β₃))`.

    The 4·H rows hold input, forget, candidate and output gate, in this order; normalised as one
    vector, or gate by gate. The two sums share the one bias b, where the paper's normalisations
    have a shift each. The state keeps the cell as it was before it was normalised.
    """
    h, c = state
    width = len(c)
    outputs = []
    for x in inputs:
        seen = total(
            in_parts(product(W, x), alpha1, width if by_gate else 4 * width, epsilon),
            in_parts(product(R, h), alpha2, width if by_gate else 4 * width, epsilon),
            b,
        )
        i = each(sigmoid, seen[:width])
        f = each(sigmoid, seen[width : 2 * width])
        g = each(tanh, seen[2 * width : 3 * width])
        o = each(sigmoid, seen[3 * width :])
        c = total(times(f, c), times(i, g))
        h = times(o, each(tanh, total(normalized(c, alpha3, epsilon), beta3)))
        outputs.append(h)
    return outputs, (h, c)


def in_parts(vector: Vector, gain: Vector, size: int, epsilon: float) -> Vector:
    """Each run of `size` elements normalised by itself."""
    result = []
    for start in range(0, len(vector), size):
        part = slice(start, start + size)
        result += normalized(vector[part], gain[part], epsilon)
    return result
