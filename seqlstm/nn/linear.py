"""Linear layers, computed by the fastest kernel, with autocast or without."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqlstm.kernels.gemm import linear_gemm
from seqlstm.kernels.gemv import MAX_ROWS, gemv
from seqlstm.kernels.parameter_cache import cast

__all__ = ["Linear", "cast", "is_autocast_enabled", "linear"]


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """W·x + b, as `torch.nn.functional.linear`, by one of three products.

    - `gemv`: at most 8 rows without gradients: a decoding step.
    - `linear_gemm`: bfloat16 under autocast on a CPU: training batches of 128 rows and more, and
      without gradients any number of rows.
    - torch's product: everything else; without gradients, casts of parameters are cached.

    The first two pack W; without gradients the packed copy is cached.
    """
    device, needs_grad = inputs.device.type, torch.is_grad_enabled()
    casts = is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if casts else weight.dtype
    few_rows = not needs_grad and inputs.shape[:-1].numel() <= MAX_ROWS
    if few_rows and (casts or inputs.dtype == dtype):
        return gemv(inputs, weight, bias, dtype)
    if casts:
        result = linear_gemm(inputs, weight, bias, dtype)
        if result is not None:
            return result
    if casts and not needs_grad:
        weight = cast(weight, dtype)
        bias = None if bias is None else cast(bias, dtype)
    return nn.functional.linear(inputs, weight, bias)


def is_autocast_enabled(device: str) -> bool:
    """Whether autocast is enabled on such a device; some devices have no autocast."""
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


class Linear(nn.Linear):
    """`nn.Linear`, computed by `linear`."""

    def forward(self, inputs: Tensor) -> Tensor:
        return linear(inputs, self.weight, self.bias)
