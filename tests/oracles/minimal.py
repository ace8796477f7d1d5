"""The minimal recurrent units, whose gates read the input alone: `h_t = a_t ∘ h_{t-1} + b_t`."""

from __future__ import annotations

from collections.abc import Sequence

from tests.oracles.arithmetic import Affine, Result, Vector, affine, each, sigmoid


def mingru(
    inputs: Sequence[Vector],
    state: tuple[Vector],
    update: Affine,
    candidate: Affine,
    *,
    positive: bool = False,
) -> Result:
    """Feng et al. (2024), minGRU: `h_t = (1 − z) ∘ h_{t-1} + z ∘ h̃`.

    With `positive` the candidate goes through the paper's g; the state is taken as it is given.
    """
    (h,) = state
    outputs = []
    for x in inputs:
        z = each(sigmoid, affine(update, x))
        proposed = proposal(candidate, x, positive)
        h = each(lambda z, h, g: (1.0 - z) * h + z * g, z, h, proposed)
        outputs.append(h)
    return outputs, (h,)


def minlstm(
    inputs: Sequence[Vector],
    state: tuple[Vector],
    forget: Affine,
    input: Affine,
    candidate: Affine,
    *,
    positive: bool = False,
) -> Result:
    """Feng et al. (2024), minLSTM: forget and input gate are scaled to sum to one."""
    (h,) = state
    outputs = []
    for x in inputs:
        f = each(sigmoid, affine(forget, x))
        i = each(sigmoid, affine(input, x))
        proposed = proposal(candidate, x, positive)
        h = each(lambda f, i, h, g: f / (f + i) * h + i / (f + i) * g, f, i, h, proposed)
        outputs.append(h)
    return outputs, (h,)


def proposal(candidate: Affine, x: Vector, positive: bool) -> Vector:
    """h̃: linear in the input, or made positive by `g(x) = x + 0.5` for x ≥ 0, else σ(x)."""
    proposed = affine(candidate, x)
    if positive:
        return [value + 0.5 if value >= 0.0 else sigmoid(value) for value in proposed]
    return proposed
