"""Batched matrix products (BMM) of small matrices, as in attention, in bfloat16 on a CPU.

Their sizes change with every batch, and in decoding with every step, as those of `gemm`.
"""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqlstm.kernels.gemm import gemm_library, on_cpu


def bmm(left: Tensor, right: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
    """left · right for each matrix of a batch, with gradients.

    Args:
        left: (..., rows, depth).
        right: (..., depth, columns), with the same leading axes.
        dtype: of the result; that of the factors when None.

    Returns:
        (..., rows, columns).
    """
    result_type = left.dtype if dtype is None else dtype
    if not serves(left, right, result_type):
        return bmm_reference(left, right, dtype=dtype)
    result: Tensor
    if torch.is_grad_enabled() and (left.requires_grad or right.requires_grad):
        result = BatchedMatmul.apply(left, right, result_type)  # type: ignore[no-untyped-call]
    else:
        result = run(left, right, result_type)
    return result


def bmm_reference(left: Tensor, right: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
    """`bmm` in PyTorch."""
    return (left @ right).to(left.dtype if dtype is None else dtype)


def serves(left: Tensor, right: Tensor, dtype: torch.dtype) -> bool:
    """Whether the C code applies. Wrong shapes go to PyTorch, which raises the error."""
    return (
        left.dtype == right.dtype == torch.bfloat16
        and dtype in (torch.bfloat16, torch.float32)
        and on_cpu(left, right)
        and left.dim() in (3, 4)
        and left.shape[:-2] == right.shape[:-2]
        and left.shape[-1] == right.shape[-2] > 0
        and gemm_library() is not None
    )


def run(left: Tensor, right: Tensor, dtype: torch.dtype) -> Tensor:
    """`bmm` in C."""
    library = gemm_library()
    assert library is not None
    lefts, rights = four_axes(left), four_axes(right.mT)
    *batch, rows, depth = lefts.shape
    columns = rights.shape[-2]
    threads = torch.get_num_threads()
    scratch = left.new_empty(threads * library.bmm_scratch(rows, columns, depth))
    result = left.new_empty(*left.shape[:-1], columns, dtype=dtype)
    address = result.data_ptr()
    exact, rounded = (address, None) if dtype == torch.float32 else (None, address)
    sizes = (*batch, rows, columns, depth)
    matrices = (ctypes.byref(Matrices.of(tensor)) for tensor in (lefts, rights))
    library.bmm(*sizes, *matrices, exact, rounded, scratch.data_ptr(), threads)
    return result


def four_axes(tensor: Tensor) -> Tensor:
    """As (outer, inner, lines, depth), where one of the last two axes has stride 1."""
    tensor = tensor if tensor.dim() == 4 else tensor.unsqueeze(1)
    return tensor if 1 in tensor.stride()[2:] else tensor.contiguous()


class Matrices(ctypes.Structure):
    """The struct `Matrices` of gemm.c."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        *((name, ctypes.c_long) for name in ("outer", "inner", "stride", "transposed")),
    )

    @classmethod
    def of(cls, tensor: Tensor) -> Matrices:
        """From a tensor (outer, inner, lines, depth)."""
        outer, inner, lines, depth = tensor.stride()
        transposed = depth != 1
        return cls(tensor.data_ptr(), outer, inner, depth if transposed else lines, transposed)


class BatchedMatmul(torch.autograd.Function):
    """left · right for each matrix of a batch; gradients have the type of the factors."""

    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, dtype: torch.dtype) -> Tensor:
        ctx.save_for_backward(left, right)
        return run(left, right, dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_result: Tensor) -> tuple[Tensor | None, ...]:
        left, right = ctx.saved_tensors
        d_result = d_result.to(left.dtype)
        needs_left, needs_right, _ = ctx.needs_input_grad
        d_left = run(d_result, right.mT, left.dtype) if needs_left else None
        d_right = run(left.mT, d_result, left.dtype) if needs_right else None
        return d_left, d_right, None
