"""Linear layers: `nn.Linear` by the fastest kernel that serves, under autocast and without."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqlstm.kernels.gemm import linear_gemm
from seqlstm.kernels.gemv import gemv
from seqlstm.kernels.parameter_cache import cached


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """W·x + b, as torch has it; where no gradient is wanted, what follows from W alone is kept."""
    device, trains = inputs.device.type, torch.is_grad_enabled()
    casts = is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if casts else weight.dtype
    found = None
    if not trains and (casts or inputs.dtype == dtype):
        found = gemv(inputs, weight, bias, dtype)
    if found is None and casts:
        found = linear_gemm(inputs, weight, bias, dtype)
    if found is not None:
        return found
    if casts and not trains:
        weight = cast(weight, dtype)
        bias = None if bias is None else cast(bias, dtype)
    return nn.functional.linear(inputs, weight, bias)


def is_autocast_enabled(device: str) -> bool:
    """Whether products on such a device are under autocast; there are devices that have none."""
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def cast(parameter: Tensor, dtype: torch.dtype) -> Tensor:
    """In this type, unless it is in float64; kept, of a parameter, where no gradient is wanted."""
    if parameter.dtype in (dtype, torch.float64):  # as autocast does
        return parameter
    return cached(parameter, dtype, lambda source: source.to(dtype))


class Linear(nn.Linear):
    """torch's, by `linear`."""

    def forward(self, inputs: Tensor) -> Tensor:
        return linear(inputs, self.weight, self.bias)
