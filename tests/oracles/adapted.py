"""LSTMs that keep their step and change what it reads: the cell, the input or the hidden state."""

from __future__ import annotations

from collections.abc import Sequence
from math import e, log, tanh

from tests.oracles.arithmetic import (
    Matrix,
    Result,
    Vector,
    Weights,
    activation,
    affine,
    each,
    product,
    sigmoid,
    times,
)
from tests.oracles.classical import lstm_step


def timeaware(
    inputs: Sequence[Vector],
    elapsed: Vector,
    state: tuple[Vector, Vector],
    weights: Weights,
    decomposition: tuple[Matrix, Vector],
    *,
    decay: str = "log",
) -> Result:
    """Baytas et al. (2017), T-LSTM: the short-term part of the cell fades with the time elapsed.

    `elapsed` has one number a step, each at least 1; `decomposition` is (W_d, b_d).
    """
    h, c = state
    outputs = []
    for x, delta in zip(inputs, elapsed, strict=True):
        g = 1.0 / delta if decay == "inverse" else 1.0 / log(e + delta)
        short = each(tanh, affine(decomposition, c))
        adjusted = [c_j - s_j + s_j * g for c_j, s_j in zip(c, short, strict=True)]
        h, c = lstm_step(x, h, adjusted, weights)
        outputs.append(h)
    return outputs, (h, c)


def mogrifier(
    inputs: Sequence[Vector],
    state: tuple[Vector, Vector],
    weights: Weights,
    Q: Sequence[Matrix],
    R: Sequence[Matrix],
) -> Result:
    """Melis, Kočiský & Blunsom (2020): input and hidden state gate one another, then an LSTM step.

    The rounds alternate Q[0], R[0], Q[1], …; `Q` has as many matrices as `R`, or one more.
    """
    h, c = state
    outputs = []
    for x in inputs:
        for turn in range(len(Q) + len(R)):
            if turn % 2 == 0:
                gate = each(sigmoid, product(Q[turn // 2], h))
                x = [2.0 * g_j * x_j for g_j, x_j in zip(gate, x, strict=True)]
            else:
                gate = each(sigmoid, product(R[turn // 2], x))
                h = [2.0 * g_j * h_j for g_j, h_j in zip(gate, h, strict=True)]
        h, c = lstm_step(x, h, c, weights)
        outputs.append(h)
    return outputs, (h, c)


def multiplicative(
    inputs: Sequence[Vector],
    state: tuple[Vector, Vector],
    weights: Weights,
    W_m: Matrix,
    R_m: Matrix,
    *,
    output: str = "standard",
) -> Result:
    """Krause, Lu, Murray & Renals (2016), that year's mLSTM: m_t stands in for h_{t-1}.

    With `output = "paper"`, `h_t = tanh(c_t ∘ o)`: the output gate acts inside the tanh.
    """
    h, c = state
    outputs = []
    for x in inputs:
        m = times(product(W_m, x), product(R_m, h))
        h, c = lstm_step(x, m, c, weights)
        if output == "paper":
            o = each(sigmoid, activation(weights["output"], x, m))
            h = each(tanh, times(c, o))
        outputs.append(h)
    return outputs, (h, c)
