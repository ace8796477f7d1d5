"""Length and coverage penalties (Wu et al., 2016, equation 14)."""

from __future__ import annotations

from typing import overload

import torch
from torch import Tensor


@overload
def length_normalizer(length: int, alpha: float) -> float: ...
@overload
def length_normalizer(length: Tensor, alpha: float) -> Tensor: ...
def length_normalizer(length: int | Tensor, alpha: float) -> float | Tensor:
    """GNMT's length penalty, the divisor of log-probabilities: `((5 + length) / 6) ** alpha`.

    `length` counts eos.
    """
    scaled: float | Tensor = ((5 + length) / 6) ** alpha
    return scaled


def coverage_penalty(coverage: Tensor, beta: float) -> Tensor:
    """GNMT's coverage penalty `β · Σ log(min(c, 1))`, (rows,), which is never positive.

    `coverage` (rows, source) is the attention weight of each source token, summed over the steps;
    it must be 1 at padding.
    """
    tiny = torch.finfo(coverage.dtype).tiny  # log(0) would be -inf
    return beta * coverage.clamp(min=tiny, max=1).log().sum(-1)
