"""Products with a matrix of parameters; and the one of a recurrence, dense or by head.

A matrix is (rows, columns); or (heads, gates · units, units), block-diagonal: head k of each gate
reads head k of the operand alone. Either way the result holds the gates one after the other.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqlstm.kernels.gemm import linear_gemm
from seqlstm.kernels.gemv import gemv
from seqlstm.kernels.parameter_cache import cached


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """W·x + b, as torch has it; where no gradient is wanted, what follows from W alone is kept."""
    device, trains = inputs.device.type, torch.is_grad_enabled()
    casts = autocasts(device)
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


def autocasts(device: str) -> bool:
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


def multiply(matrix: Tensor, operand: Tensor) -> Tensor:
    """R·h: (batch, columns) -> (batch, rows)."""
    if matrix.dim() == 2:
        return linear(operand, matrix)
    return join_gates(torch.bmm(split_heads(operand, matrix), matrix.mT), matrix)


def multiply_add(start: Tensor, matrix: Tensor, operand: Tensor) -> Tensor:
    """start + R·h, (batch, rows), with one rounding where that can be."""
    if matrix.dim() == 2:
        return torch.addmm(start, operand, matrix.t())
    return start + multiply(matrix, operand)


def multiply_back(matrix: Tensor, gradient: Tensor) -> Tensor:
    """The operand's gradient from that of R·h: (batch, rows) -> (batch, columns)."""
    if matrix.dim() == 2:
        return gradient @ matrix
    return torch.bmm(split_gates(gradient, matrix), matrix).transpose(0, 1).flatten(1)


def matrix_gradient(matrix: Tensor, gradient: Tensor, operand: Tensor) -> Tensor:
    """The matrix' own gradient over (steps · batch) rows, as large as the matrix."""
    if matrix.dim() == 2:
        return gradient.t() @ operand
    return torch.bmm(split_gates(gradient, matrix).mT, split_heads(operand, matrix))


def split_heads(operand: Tensor, matrix: Tensor) -> Tensor:
    """(batch, columns) -> (heads, batch, units)."""
    heads, _, units = matrix.shape
    return operand.view(len(operand), heads, units).transpose(0, 1)


def join_gates(product: Tensor, matrix: Tensor) -> Tensor:
    """(heads, batch, gates · units) -> (batch, gates · heads · units)."""
    heads, rows, units = matrix.shape
    batch = product.shape[1]
    gates = product.view(heads, batch, rows // units, units)
    return gates.permute(1, 2, 0, 3).reshape(batch, heads * rows)


def split_gates(gradient: Tensor, matrix: Tensor) -> Tensor:
    """(batch, gates · heads · units) -> (heads, batch, gates · units): what `join_gates` undoes."""
    heads, rows, units = matrix.shape
    batch = len(gradient)
    gates = gradient.view(batch, rows // units, heads, units)
    return gates.permute(2, 0, 1, 3).reshape(heads, batch, rows)
