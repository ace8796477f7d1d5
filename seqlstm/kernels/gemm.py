"""The product of two matrices with many rows, in bfloat16 on a CPU, forwards and backwards.

Batches of text come in ever new sizes, and a library that makes code for every size it meets pays
for that in time and in memory. This code is the same for all sizes; it also gives gradients of
weights in float32 and those of a bias without another pass.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.resources import files
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from seqlstm.kernels.compiler import optional_program
from seqlstm.kernels.packing import PackedLayout
from seqlstm.kernels.parameter_cache import cached

TEXT = (files(__package__) / "gemm.c").read_text(encoding="utf-8")
MIN_ROWS = 128
"""Rows from which on packing the other matrix is worth it."""
# Instructions: a product of pairs, which this code is written for; of tiles, which oneDNN has.
PAIRS, TILES = "_is_avx512_bf16_supported", "_is_amx_tile_supported"


def gemm(
    left: Tensor,
    right: Tensor,
    bias: Tensor | None = None,
    *,
    dtype: torch.dtype | None = None,
    sums: Tensor | None = None,
) -> Tensor:
    """left · right + bias; by torch where this is not for it.

    It is for bfloat16 on a CPU that multiplies pairs of them, with sums in float32.

    Args:
        left: (rows, depth).
        right: (depth, columns).
        bias: (columns,), if any.
        dtype: of the result; that of the factors when None.
        sums: (rows,) in float32, to be overwritten with the sums of the rows of `left`.

    Returns:
        (rows, columns).
    """
    dtype = left.dtype if dtype is None else dtype
    code = machine_code() if serves(left, right, dtype) else None
    if code is not None:
        panels = pack(code, right.t())
        return run(code, left, panels, right.shape[1], bias, dtype=dtype, sums=sums)
    if sums is not None:
        torch.sum(left, 1, dtype=sums.dtype, out=sums)
    found = left @ right if bias is None else torch.addmm(bias.to(left.dtype), left, right)
    return found.to(dtype)


def serves(left: Tensor, right: Tensor, dtype: torch.dtype) -> bool:
    """Whether the product is for this code; what does not fit is torch's to refuse."""
    (rows, depth), (columns, _) = left.shape, right.t().shape
    return (
        left.dtype == right.dtype == torch.bfloat16
        and dtype in (torch.bfloat16, torch.float32)
        and on_cpu(left, right)
        and depth == len(right)
        and rows >= MIN_ROWS
        and min(columns, depth) > 0
    )


def run(
    code: ctypes.CDLL,
    left: Tensor,
    panels: Tensor,
    columns: int,
    bias: Tensor | None,
    *,
    dtype: torch.dtype,
    sums: Tensor | None = None,
) -> Tensor:
    """`gemm` by gemm.c."""
    (rows, depth), threads = left.shape, torch.get_num_threads()
    assert bias is None or bias.shape == (columns,)
    assert sums is None or (sums.shape == (rows,) and sums.dtype == torch.float32)
    matrix, stride, across = Lines.of(left, across=sums is not None)
    added = None if bias is None else bias.float().contiguous()
    result = left.new_empty(rows, columns, dtype=dtype)
    exact, rounded = (result, None) if dtype == torch.float32 else (None, result)
    space = 0
    if across:  # is packed
        most, least = (ctypes.c_long.in_dll(code, name).value for name in ("most", "least_rows"))
        space = threads * max(most, least * PackedLayout.of(code).padded(depth))
    tiles = left.new_empty(space)
    code.product(
        *(rows, columns, depth, matrix.data_ptr(), stride, across, panels.data_ptr()),
        *(None if each is None else each.data_ptr() for each in (added, exact, rounded, sums)),
        *(tiles.data_ptr(), threads),
    )
    return result


def pack(code: ctypes.CDLL, matrix: Tensor) -> Tensor:
    """(rows, columns) in panels of rows, as `PackedLayout.panels` has them, but for padded rows."""
    layout = PackedLayout.of(code)
    rows, columns = matrix.shape
    wide, deep = -(-rows // layout.width), layout.padded(columns) // layout.pair
    panels = matrix.new_empty(wide, deep, layout.width, layout.pair)
    lines, stride, across = Lines.of(matrix)
    threads = torch.get_num_threads()
    code.pack(rows, columns, lines.data_ptr(), stride, across, panels.data_ptr(), threads)
    return panels


def pack_matrix(matrix: Tensor, layout: PackedLayout) -> Tensor:
    """`layout.panels`, in machine code where that is for it."""
    code = machine_code() if matrix.dtype == torch.bfloat16 and on_cpu(matrix) else None
    if code is None or PackedLayout.of(code) != layout:
        return layout.panels(matrix)
    each = [pack(code, block) for block in matrix]
    return torch.stack(each) if len(each) > 1 else each[0].unsqueeze(0)


def packed_parameter(weight: Tensor, dtype: torch.dtype, layout: PackedLayout) -> Tensor:
    """A matrix (rows, columns) in panels of this type; a parameter's are kept (`cached`)."""
    return cached(
        weight, (layout, dtype), lambda source: pack_matrix(source.to(dtype).unsqueeze(0), layout)
    )


class Lines(NamedTuple):
    """How the rows of a matrix lie: one after the other, or across, in step with one another."""

    matrix: Tensor
    stride: int
    across: bool

    @classmethod
    def of(cls, matrix: Tensor, *, across: bool = False) -> Lines:
        """Of (rows, depth); across, if so wished or where pairs of elements would not come out."""
        if not across and matrix.stride(1) == 1 and matrix.shape[1] % 2 == 0:
            return cls(matrix, matrix.stride(0), across=False)
        if matrix.stride(0) != 1:
            matrix = matrix.t().contiguous().t()
        return cls(matrix, matrix.stride(1), across=True)


def linear_gemm(
    inputs: Tensor, weight: Tensor, bias: Tensor | None, dtype: torch.dtype
) -> Tensor | None:
    """W·x + b, computed from factors of a type; None where it is not for this.

    Where no gradient is wanted, a parameter is packed but once, and any rows will do.

    Args:
        inputs: (..., columns).
        weight: (rows, columns), in float32.
        bias: (rows,) in float32, if any.
        dtype: of the factors and of the result; sums and the gradients of W and b are in float32.

    Returns:
        (..., rows), or None.
    """
    *many, columns = inputs.shape
    fits = weight.dim() == 2 and weight.dtype == torch.float32 and weight.shape[1] == columns
    if bias is not None:
        fits = fits and bias.dtype == torch.float32 and bias.shape == weight.shape[:1]
    keeps = not torch.is_grad_enabled() and isinstance(weight, nn.Parameter)
    least = 1 if keeps and not weight.is_inference() else MIN_ROWS
    if not fits or prod(many) < least or dtype != torch.bfloat16 or not on_cpu(inputs, weight):
        return None
    code = machine_code()
    if code is None:
        return None
    factors = inputs.to(dtype).reshape(-1, columns)
    found: Tensor
    if torch.is_grad_enabled():
        matrix = weight.detach().to(dtype)
        found = LinearGemm.apply(factors, matrix, weight, bias)  # type: ignore[no-untyped-call]
    else:
        panels = packed_parameter(weight, dtype, PackedLayout.of(code))
        found = run(code, factors, panels, len(weight), bias, dtype=dtype)
    return found.view(*many, len(weight))


def on_cpu(*tensors: Tensor) -> bool:
    return all(tensor.device.type == "cpu" for tensor in tensors)


class LinearGemm(torch.autograd.Function):
    """W·x + b from rounded factors, of which `matrix` is W."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, matrix: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(inputs, matrix)
        return gemm(inputs, matrix.t(), bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor) -> tuple[Tensor | None, ...]:
        inputs, matrix = ctx.saved_tensors
        for_inputs, _, for_weight, for_bias = ctx.needs_input_grad
        d_inputs = gemm(d_outputs, matrix) if for_inputs else None
        d_bias = d_outputs.new_empty(len(matrix), dtype=torch.float32) if for_bias else None
        d_weight = None
        if for_weight:
            d_weight = gemm(d_outputs.t(), inputs, dtype=torch.float32, sums=d_bias)
        elif d_bias is not None:
            torch.sum(d_outputs, 0, dtype=d_bias.dtype, out=d_bias)
        return d_inputs, None, d_weight, d_bias


@cache
def machine_code() -> ctypes.CDLL | None:
    """gemm.c; None where it cannot be compiled, or something else multiplies faster."""
    has = {name: getattr(torch.cpu, name, bool)() for name in (PAIRS, TILES)}
    if not has[PAIRS] or has[TILES]:
        return None
    code = optional_program("gemm.c", TEXT, {"REAL": "float", "PRODUCT": "bfloat16"})
    if code is None:
        return None
    count, place = ctypes.c_long, ctypes.c_void_p
    matrix = (place, count, ctypes.c_int)
    code.pack.argtypes = [count, count, *matrix, place, count]
    code.product.argtypes = [count, count, count, *matrix, *[place] * 6, count]
    code.space.argtypes, code.space.restype = [count] * 3, count
    code.products.argtypes = [*[count] * 5, *[place] * 5, count]
    code.pack.restype = code.product.restype = code.products.restype = None
    return code
