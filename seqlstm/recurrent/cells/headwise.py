"""Products with the recurrent matrix R, which is dense or block-diagonal (one block for each head).

A dense matrix is (rows, columns). A block-diagonal one is (heads, gates · units, units): head k of
each gate reads only head k of the operand. In both cases the result has the order of the gates.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqlstm.nn.linear import linear


def multiply(matrix: Tensor, operand: Tensor) -> Tensor:
    """R·h: (batch, columns) -> (batch, rows)."""
    if matrix.dim() == 2:
        return linear(operand, matrix)
    return join_gates(torch.bmm(split_heads(operand, matrix), matrix.mT), matrix)


def multiply_add(start: Tensor, matrix: Tensor, operand: Tensor) -> Tensor:
    """start + R·h, (batch, rows); rounded once if R is dense."""
    if matrix.dim() == 2:
        return torch.addmm(start, operand, matrix.t())
    return start + multiply(matrix, operand)


def multiply_back(matrix: Tensor, gradient: Tensor) -> Tensor:
    """The operand's gradient from that of R·h: (batch, rows) -> (batch, columns)."""
    if matrix.dim() == 2:
        return gradient @ matrix
    return torch.bmm(split_gates(gradient, matrix), matrix).transpose(0, 1).flatten(1)


def matrix_gradient(matrix: Tensor, gradient: Tensor, operand: Tensor) -> Tensor:
    """The gradient of R from that of R·h and from h, (steps · batch, …) each; in the shape of R."""
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
    """(batch, gates · heads · units) -> (heads, batch, gates · units): inverse of `join_gates`."""
    heads, rows, units = matrix.shape
    batch = len(gradient)
    gates = gradient.view(batch, rows // units, heads, units)
    return gates.permute(2, 0, 1, 3).reshape(heads, batch, rows)
