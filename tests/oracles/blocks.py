"""The residual blocks of xLSTM around the two cells.

Beck et al. (2024) draw them and leave details open. Taken from the code that its authors published:
a layer normalization before each branch, the exact GELU in the feed-forward, gates of the mLSTM
that read q, k and v together, the mLSTM normalised by head, a learned skip from the convolution
past it, and no sigmoid output gate beside the branch that gates through SiLU. Left out: the
sLSTM's convolution, which is optional. A `Scale` without a shift has zeros for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erf, sqrt

from tests.oracles.arithmetic import (
    Affine,
    Matrix,
    Result,
    Vector,
    Weights,
    affine,
    each,
    normalized,
    sigmoid,
    times,
    total,
)
from tests.oracles.exponential import Memory, remembered, slstm

Scale = tuple[Vector, Vector]


def slstm_block(
    inputs: Sequence[Vector],
    state: tuple[Vector, Vector, Vector, Vector],
    weights: Weights,
    *,
    heads: int,
    norm: Scale,
    head_norm: Scale,
    feed_norm: Scale,
    gate: Affine,
    up: Affine,
    down: Affine,
    forget: str = "sigmoid",
    epsilon: float = 1e-5,
) -> Result:
    """`y = x + GN(sLSTM(LN(x)))`, then `y + W_down(GELU(W_gate LN(y)) ∘ W_up LN(y))`."""
    read = [grouped(x, norm, 1, epsilon) for x in inputs]
    outputs, last = slstm(read, state, weights, forget=forget)
    results = []
    for x, h in zip(inputs, outputs, strict=True):
        y = total(x, grouped(h, head_norm, heads, epsilon))
        fed = grouped(y, feed_norm, 1, epsilon)
        opened = times(each(gelu, affine(gate, fed)), affine(up, fed))
        results.append(total(y, affine(down, opened)))
    return results, last


def mlstm_block(
    inputs: Sequence[Vector],
    state: tuple[list[Vector], Memory],
    *,
    heads: int,
    norm: Scale,
    up: Affine,
    gate: Affine,
    convolution: tuple[Matrix, Vector],
    q: Affine,
    k: Affine,
    v: Affine,
    input: Affine,
    forget_gate: Affine,
    head_norm: Scale,
    skip: Vector,
    down: Affine,
    forget: str = "sigmoid",
    epsilon: float = 1e-5,
) -> tuple[list[Vector], tuple[list[Vector], Memory]]:
    """`x + W_down((GN(mLSTM) + skip ∘ a) ∘ SiLU(W_gate LN(x)))`, a the convolved other branch.

    The state is (the convolution's inputs before this step, oldest first; the memory). The
    convolution is one filter a channel, `(taps by channel, bias)`, whose last tap reads now.
    """
    past, memory = state
    taps, bias = convolution
    results = []
    for x in inputs:
        read = grouped(x, norm, 1, epsilon)
        window = [*past, affine(up, read)]
        a = [
            silu(b + sum(tap * at[channel] for tap, at in zip(row, window, strict=True)))
            for channel, (row, b) in enumerate(zip(taps, bias, strict=True))
        ]
        queries, keys, values = affine(q, a), affine(k, a), affine(v, window[-1])
        together = queries + keys + values
        h, memory = remembered(
            memory,
            queries,
            keys,
            values,
            affine(input, together),
            affine(forget_gate, together),
            heads=heads,
            forget=forget,
        )
        h = total(grouped(h, head_norm, heads, epsilon), times(skip, a))
        gated = times(h, each(silu, affine(gate, read)))
        results.append(total(x, affine(down, gated)))
        past = window[1:]
    return results, (past, memory)


def grouped(vector: Vector, scale: Scale, groups: int, epsilon: float) -> Vector:
    """Group normalization; with one group, layer normalization."""
    gain, shift = scale
    size = len(vector) // groups
    result = []
    for start in range(0, len(vector), size):
        part = slice(start, start + size)
        result += normalized(vector[part], gain[part], epsilon)
    return total(result, shift)


def silu(value: float) -> float:
    """`x σ(x)`."""
    return value * sigmoid(value)


def gelu(value: float) -> float:
    """`x Φ(x)`, with the normal distribution itself and not its approximation by tanh."""
    return value * 0.5 * (1.0 + erf(value / sqrt(2.0)))
