"""The vanilla LSTM with peepholes and the eight that differ from it in exactly one thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import tanh

from tests.oracles.arithmetic import (
    Matrix,
    Result,
    Vector,
    Weights,
    activation,
    each,
    product,
    sigmoid,
    times,
    total,
)

READERS = ("input", "forget", "output")


def greff(
    inputs: Sequence[Vector],
    state: tuple[Vector, ...],
    weights: Weights,
    peepholes: Mapping[str, Vector],
    *,
    variant: str,
    gate_recurrent: Mapping[tuple[str, str], Matrix] | None = None,
) -> Result:
    """Greff, Srivastava, Koutník, Steunebrink & Schmidhuber (2015): a search space odyssey.

    `variant` is one of V, NIG, NFG, NOG, NIAF, NOAF, CIFG, NP, FGR. The state is (h, c); for FGR it
    is (h, c, i, f, o), with the gates of the previous step, which `gate_recurrent` reads by
    (reader, read). `weights` and `peepholes` hold what a variant has and nothing else.
    """
    h, c = state[:2]
    gates = dict(zip(READERS, state[2:], strict=False))
    ones = [1.0] * len(c)
    outputs = []
    for x in inputs:
        seen = {name: activation(gate, x, h) for name, gate in weights.items()}
        for (reader, read), matrix in (gate_recurrent or {}).items():
            seen[reader] = total(seen[reader], product(matrix, gates[read]))
        for name in ("input", "forget"):
            if name in peepholes:
                seen[name] = total(seen[name], times(peepholes[name], c))

        i = ones if variant == "NIG" else each(sigmoid, seen["input"])
        if variant == "NFG":
            f = ones
        elif variant == "CIFG":
            f = [1.0 - value for value in i]
        else:
            f = each(sigmoid, seen["forget"])
        g = seen["candidate"] if variant == "NIAF" else each(tanh, seen["candidate"])
        c = total(times(f, c), times(i, g))

        if "output" in peepholes:
            seen["output"] = total(seen["output"], times(peepholes["output"], c))
        o = ones if variant == "NOG" else each(sigmoid, seen["output"])
        h = times(o, c if variant == "NOAF" else each(tanh, c))
        if variant == "FGR":
            gates = {"input": i, "forget": f, "output": o}
        outputs.append(h)
    return outputs, (h, c, *gates.values())
