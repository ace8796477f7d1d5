"""Products of many pairs of small matrices, as attention has them, in bfloat16 on a CPU.

Their sizes are new with every batch, and in decoding with every step: see `gemm.py`, whose
machine code serves here too.
"""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqlstm.kernels.gemm import machine_code, on_cpu


def bmm(left: Tensor, right: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
    """left · right, pair by pair; by torch where this is not for it.

    Args:
        left: (..., rows, depth).
        right: (..., depth, columns), with the same leading axes.
        dtype: of the result; that of the factors when None.

    Returns:
        (..., rows, columns).
    """
    dtype = left.dtype if dtype is None else dtype
    if not serves(left, right, dtype):
        return (left @ right).to(dtype)
    found: Tensor
    if torch.is_grad_enabled() and (left.requires_grad or right.requires_grad):
        found = BatchedMatmul.apply(left, right, dtype)  # type: ignore[no-untyped-call]
    else:
        found = run(left, right, dtype)
    return found


def serves(left: Tensor, right: Tensor, dtype: torch.dtype) -> bool:
    """Whether the products are for machine code; what does not fit is torch's to refuse."""
    return (
        left.dtype == right.dtype == torch.bfloat16
        and dtype in (torch.bfloat16, torch.float32)
        and on_cpu(left, right)
        and left.dim() in (3, 4)
        and left.shape[:-2] == right.shape[:-2]
        and left.shape[-1] == right.shape[-2] > 0
        and machine_code() is not None
    )


def run(left: Tensor, right: Tensor, dtype: torch.dtype) -> Tensor:
    """`bmm` by gemm.c."""
    code = machine_code()
    assert code is not None
    one, other = matrices(left), matrices(right.mT)
    *pairs, rows, depth = one.shape
    columns = other.shape[-2]
    threads = torch.get_num_threads()
    scratch = left.new_empty(threads * code.space(rows, columns, depth))
    result = left.new_empty(*left.shape[:-1], columns, dtype=dtype)
    place = result.data_ptr()
    exact, rounded = (place, None) if dtype == torch.float32 else (None, place)
    sizes = (*pairs, rows, columns, depth)
    both = (ctypes.byref(Matrices.of(each)) for each in (one, other))
    code.products(*sizes, *both, exact, rounded, scratch.data_ptr(), threads)
    return result


def matrices(tensor: Tensor) -> Tensor:
    """(outer, inner, lines, depth), of which lines, or factors of all lines, are in one piece."""
    tensor = tensor if tensor.dim() == 4 else tensor.unsqueeze(1)
    return tensor if 1 in tensor.stride()[2:] else tensor.contiguous()


class Matrices(ctypes.Structure):
    """The struct of that name in gemm.c."""

    _fields_ = (
        ("first", ctypes.c_void_p),
        *((name, ctypes.c_long) for name in ("outer", "inner", "stride", "across")),
    )

    @classmethod
    def of(cls, tensor: Tensor) -> Matrices:
        """Of (outer, inner, lines, depth)."""
        outer, inner, lines, factors = tensor.stride()
        across = factors != 1
        return cls(tensor.data_ptr(), outer, inner, factors if across else lines, across)


class BatchedMatmul(torch.autograd.Function):
    """left · right, pair by pair; gradients have the type of the factors."""

    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, dtype: torch.dtype) -> Tensor:
        ctx.save_for_backward(left, right)
        return run(left, right, dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_result: Tensor) -> tuple[Tensor | None, ...]:
        left, right = ctx.saved_tensors
        d_result = d_result.to(left.dtype)
        for_left, for_right, _ = ctx.needs_input_grad
        d_left = run(d_result, right.mT, left.dtype) if for_left else None
        d_right = run(left.mT, d_result, left.dtype) if for_right else None
        return d_left, d_right, None
