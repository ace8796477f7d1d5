"""What GNMT's beam ranks by beside the log-probability (Wu et al., 2016, equation 14)."""

from __future__ import annotations

from typing import overload

import torch
from torch import Tensor


@overload
def length_normalizer(length: int, alpha: float) -> float: ...
@overload
def length_normalizer(length: Tensor, alpha: float) -> Tensor: ...
def length_normalizer(length: int | Tensor, alpha: float) -> float | Tensor:
    """What a log-probability is divided by: `((5 + length) / 6) ** alpha`.

    `length` counts the end piece.
    """
    scaled: float | Tensor = ((5 + length) / 6) ** alpha
    return scaled


def coverage_penalty(coverage: Tensor, beta: float) -> Tensor:
    """What is added for source pieces that got too little attention: `β · Σ log(min(c, 1))`.

    Never positive. `coverage` (rows, source) is the sum over the steps of each source piece's
    attention weights; padding counts as covered and must be 1.
    """
    tiny = torch.finfo(coverage.dtype).tiny  # a weight may be too small for a float
    return beta * coverage.clamp(min=tiny, max=1).log().sum(-1)
