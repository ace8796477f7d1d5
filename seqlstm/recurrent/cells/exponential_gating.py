"""Exponential gating with a stabilizer state.

An exponential gate overflows soon. So a cell stores its memory divided by e^m, where m, a state
like the others, is the largest exponent so far. It starts at −∞: nothing has been stored.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Forget = Literal["sigmoid", "exponential"]


def check_options(*, hidden_size: int, heads: int, forget: str) -> None:
    """Raises ValueError: heads that do not divide `hidden_size`, or an unknown forget gate."""
    if heads < 1:
        raise ValueError(f"heads must be positive, was: {heads}")
    if hidden_size % heads:
        raise ValueError(f"heads must divide hidden_size: {heads} does not divide {hidden_size}")
    if forget not in ("sigmoid", "exponential"):
        raise ValueError(f'forget must be "sigmoid" or "exponential", was: {forget!r}')


def log_forget(preactivation: Tensor, forget: Forget) -> Tensor:
    """log f, where f = σ(f̃) or exp(f̃)."""
    return torch.nn.functional.logsigmoid(preactivation) if forget == "sigmoid" else preactivation


def forget_biases(count: int, forget: Forget) -> Tensor:
    """Where the forget gates start: f = σ of 3 to 6, whichever function makes it."""
    biases = torch.linspace(3.0, 6.0, count)
    return biases if forget == "sigmoid" else torch.nn.functional.logsigmoid(biases)


def stabilize(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The exponents' maximum m, and both exponentials divided by e^m: zero where both are −∞."""
    m = torch.maximum(first, second)
    finite = finite_stabilizer(m)
    return m, (first - finite).exp(), (second - finite).exp()


def finite_stabilizer(m: Tensor) -> Tensor:
    """m, but finite: −∞ − m would not be a number where m is −∞ too."""
    return m.clamp(min=torch.finfo(m.dtype).min)


def mixing_weights(share: Tensor, new: Tensor, old: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How to add `share` of what is stored at the scale `old` to the rest, stored at `new`.

    Returns:
        The scale of the sum, and what to multiply each part by before adding: new, old. A part
        without a share does not count for the scale, so that what remains cannot underflow.
    """
    m, of_new, of_old = stabilize(new + torch.log1p(-share), old + share.log())
    return m, of_new, of_old
