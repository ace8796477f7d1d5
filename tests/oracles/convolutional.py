"""The peephole LSTM whose matrix products are convolutions, in one dimension or two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import tanh
from typing import Any

from tests.oracles.arithmetic import Result, Vector, each, sigmoid, times, total

# [out channel][in channel][row][column], or without the row where there is one dimension.
Kernel = list[list[list[Any]]]


def convolutional(
    inputs: Sequence[Vector],
    state: tuple[Vector, Vector],
    kernels: Mapping[str, tuple[Kernel, Kernel]],
    peepholes: Mapping[str, Vector],
    biases: Mapping[str, Vector],
    *,
    extent: list[int],
) -> Result:
    """Shi et al. (2015), ConvLSTM. Every vector is laid out (channel, positions…), row-major.

    `kernels` maps a gate to (W, U); `peepholes` has a weight for each channel and position,
    `biases` one for each output channel. The output gate looks at the new cell.
    """
    h, c = state
    outputs = []
    for x in inputs:
        seen = {}
        for name, (W, U) in kernels.items():
            bias = spread(biases[name], extent)
            seen[name] = total(correlated(W, x, extent), correlated(U, h, extent), bias)
        i = each(sigmoid, total(seen["input"], times(peepholes["input"], c)))
        f = each(sigmoid, total(seen["forget"], times(peepholes["forget"], c)))
        c = total(times(f, c), times(i, each(tanh, seen["candidate"])))
        o = each(sigmoid, total(seen["output"], times(peepholes["output"], c)))
        h = times(o, each(tanh, c))
        outputs.append(h)
    return outputs, (h, c)


def spread(bias: Vector, extent: list[int]) -> Vector:
    """The number of each channel at each of its positions."""
    rows, columns = plane(extent)
    return [value for value in bias for _ in range(rows * columns)]


def plane(extent: list[int]) -> tuple[int, int]:
    """Rows and columns; a line is a plane of one row."""
    return (1, extent[0]) if len(extent) == 1 else (extent[0], extent[1])


def correlated(kernel: Kernel, flat: Vector, extent: list[int]) -> Vector:
    """Cross-correlation, as deep learning calls its convolution: zeros around, the same extent."""
    rows, columns = plane(extent)
    result = []
    for into in kernel:
        for row in range(rows):
            for column in range(columns):
                accumulated = 0.0
                for channel, taps in enumerate(into):
                    window = [taps] if len(extent) == 1 else taps
                    for i, weights in enumerate(window):
                        for j, weight in enumerate(weights):
                            y = row + i - len(window) // 2
                            x = column + j - len(weights) // 2
                            if 0 <= y < rows and 0 <= x < columns:
                                accumulated += weight * flat[(channel * rows + y) * columns + x]
                result.append(accumulated)
    return result
