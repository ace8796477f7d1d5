"""The exponential gates of xLSTM: a scalar memory that mixes, a matrix memory that does not."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, sqrt, tanh

from tests.oracles.arithmetic import (
    Affine,
    Matrix,
    Result,
    Vector,
    Weights,
    activation,
    affine,
    each,
    log_sigmoid,
    product,
    sigmoid,
    times,
    total,
)

# By head: the matrices C [value][key], the normalisers n, the stabilisers m.
Memory = tuple[list[Matrix], list[Vector], Vector]


def slstm(
    inputs: Sequence[Vector],
    state: tuple[Vector, Vector, Vector, Vector],
    weights: Weights,
    *,
    forget: str = "sigmoid",
) -> Result:
    """Beck et al. (2024), sLSTM, in its stabilised form; the state is (h, c, n, m).

    `forget` is `sigmoid` or `exponential`; m may be −∞ before the first step. R is dense here: by
    head it is a block-diagonal matrix.
    """
    h, c, n, m = state
    log_forget = log_sigmoid if forget == "sigmoid" else float
    outputs = []
    for x in inputs:
        z = each(tanh, activation(weights["candidate"], x, h))
        o = each(sigmoid, activation(weights["output"], x, h))
        i = activation(weights["input"], x, h)
        kept = total(each(log_forget, activation(weights["forget"], x, h)), m)
        m = each(max, kept, i)
        i = each(lambda i, m: exp(i - m), i, m)
        f = each(lambda kept, m: exp(kept - m), kept, m)
        c = total(times(f, c), times(i, z))
        n = total(times(f, n), i)
        h = each(lambda o, c, n: o * c / n, o, c, n)
        outputs.append(h)
    return outputs, (h, c, n, m)


def slstm_plain(
    inputs: Sequence[Vector], weights: Weights, *, forget: str = "sigmoid"
) -> list[Vector]:
    """Beck et al. (2024), sLSTM before it is stabilised, from a zero state: the outputs."""
    h = c = n = [0.0] * len(weights["input"].b)
    forget_gate = sigmoid if forget == "sigmoid" else exp
    outputs = []
    for x in inputs:
        z = each(tanh, activation(weights["candidate"], x, h))
        o = each(sigmoid, activation(weights["output"], x, h))
        i = each(exp, activation(weights["input"], x, h))
        f = each(forget_gate, activation(weights["forget"], x, h))
        c = total(times(f, c), times(i, z))
        n = total(times(f, n), i)
        h = each(lambda o, c, n: o * c / n, o, c, n)
        outputs.append(h)
    return outputs


def mlstm(
    inputs: Sequence[Vector],
    state: Memory,
    q: Affine,
    k: Affine,
    v: Affine,
    output: Affine,
    input: Affine,
    forget_gate: Affine,
    *,
    heads: int,
    forget: str = "sigmoid",
) -> tuple[list[Vector], Memory]:
    """Beck et al. (2024), mLSTM, step by step; nothing reads the output of the step before.

    Each of q, k, v and the output gate has all units, head after head; the input and forget gate
    have one row a head. The whole key, its bias too, is divided by √d; the paper divides `W_k x`
    alone, which is the same function with another bias.
    """
    outputs = []
    for x in inputs:
        h, state = remembered(
            state,
            affine(q, x),
            affine(k, x),
            affine(v, x),
            affine(input, x),
            affine(forget_gate, x),
            heads=heads,
            forget=forget,
        )
        outputs.append(times(each(sigmoid, affine(output, x)), h))
    return outputs, state


def remembered(
    state: Memory,
    q: Vector,
    k: Vector,
    v: Vector,
    input: Vector,
    forget_gate: Vector,
    *,
    heads: int,
    forget: str,
) -> tuple[Vector, Memory]:
    """One step of the matrix memory: what all heads recall, before any output gate."""
    C, n, m = state
    d = len(q) // heads
    recalled: Vector = []
    memory: Memory = ([], [], [])
    for head in range(heads):
        units = slice(head * d, (head + 1) * d)
        f = forget_gate[head]
        kept = (log_sigmoid(f) if forget == "sigmoid" else f) + m[head]
        new_m = max(kept, input[head])
        f = exp(kept - new_m)
        i = exp(input[head] - new_m)
        key = [value / sqrt(d) for value in k[units]]
        new_C = [
            [f * C[head][a][b] + i * value * key[b] for b in range(d)]
            for a, value in enumerate(v[units])
        ]
        new_n = [f * n[head][b] + i * key[b] for b in range(d)]
        overlap = sum(times(new_n, q[units]))
        # A float ends at e^709; beyond it the bound is as good as infinite and the output zero.
        bound = exp(-new_m) if new_m > -709.0 else inf
        recalled += [value / max(abs(overlap), bound) for value in product(new_C, q[units])]
        memory[0].append(new_C)
        memory[1].append(new_n)
        memory[2].append(new_m)
    return recalled, memory
