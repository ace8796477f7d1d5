"""LSTMs whose gates look at the cell: each its own unit, or all units through a matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import tanh

from tests.oracles.arithmetic import (
    Result,
    Vector,
    Weights,
    activation,
    affine,
    each,
    product,
    sigmoid,
    times,
    total,
)


def peephole(
    inputs: Sequence[Vector],
    state: tuple[Vector, Vector],
    weights: Weights,
    peepholes: Mapping[str, Vector],
    *,
    output: str = "tanh",
) -> Result:
    """Gers & Schmidhuber (2000); Gers, Schraudolph & Schmidhuber (2002).

    The input and forget gates look at the previous cell, the output gate at the new one.
    """
    h, c = state
    outputs = []
    for x in inputs:
        seen = total(activation(weights["input"], x, h), times(peepholes["input"], c))
        i = each(sigmoid, seen)
        seen = total(activation(weights["forget"], x, h), times(peepholes["forget"], c))
        f = each(sigmoid, seen)
        g = each(tanh, activation(weights["candidate"], x, h))
        c = each(lambda f, c, i, g: f * c + i * g, f, c, i, g)
        seen = total(activation(weights["output"], x, h), times(peepholes["output"], c))
        o = each(sigmoid, seen)
        h = times(o, squashed(c, output))
        outputs.append(h)
    return outputs, (h, c)


def peephole_cell(
    inputs: Sequence[Vector],
    state: tuple[Vector, Vector],
    weights: Weights,
    *,
    output: str = "tanh",
) -> Result:
    """The form that encyclopaedias print: the gates read the previous cell in place of h.

    A gate's R is the matrix U that reads the cell, the output gate's too; the candidate reads the
    input alone, its R is left aside. h is an output only: no step reads it.
    """
    h, c = state
    outputs = []
    for x in inputs:
        gates = {}
        for name in ("input", "forget", "output"):
            W, U, b = weights[name]
            gates[name] = each(sigmoid, total(product(W, x), product(U, c), b))
        g = each(tanh, affine((weights["candidate"].W, weights["candidate"].b), x))
        c = total(times(gates["forget"], c), times(gates["input"], g))
        h = times(gates["output"], squashed(c, output))
        outputs.append(h)
    return outputs, (h, c)


def squashed(c: Vector, output: str) -> Vector:
    """φ of the cell: its tanh, or the cell itself where `output` is `identity`."""
    return c if output == "identity" else each(tanh, c)
