"""Exponential gating with a stabilizer state.

Exponential gates overflow. So a cell stores its memory divided by e^m. The stabilizer m is a part
of the state: the maximum of all exponents so far, and −∞ before anything has been stored.
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


def initial_forget_biases(count: int, forget: Forget) -> Tensor:
    """Initial biases of the forget gates: f is σ of 3 to 6, for either form of the gate."""
    biases = torch.linspace(3.0, 6.0, count)
    return biases if forget == "sigmoid" else torch.nn.functional.logsigmoid(biases)


def stabilize(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The maximum m of two exponents, and e^exponent / e^m of both; zero where both are −∞."""
    m = torch.maximum(first, second)
    finite = finite_stabilizer(m)
    return m, (first - finite).exp(), (second - finite).exp()


def finite_stabilizer(m: Tensor) -> Tensor:
    """m, where −∞ is replaced by a finite number: −∞ − m is NaN where m is −∞."""
    return m.clamp(min=torch.finfo(m.dtype).min)


def interpolation_factors(
    weight: Tensor, m_new: Tensor, m_old: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Factors for weight · old + (1 − weight) · new of two memories with unlike stabilizers.

    A memory of weight 0 does not count for the new stabilizer, so that the other one cannot
    underflow.

    Returns:
        The stabilizer of the result, and the factors of the new memory and of the old one.
    """
    return stabilize(m_new + torch.log1p(-weight), m_old + weight.log())
