"""Recurrences without a cell state: Elman's network and the two gated recurrent units."""

from __future__ import annotations

from collections.abc import Sequence
from math import tanh

from tests.oracles.arithmetic import (
    Result,
    Vector,
    Weights,
    activation,
    each,
    product,
    sigmoid,
    total,
)


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
