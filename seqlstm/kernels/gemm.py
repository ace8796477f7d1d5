"""Matrix products with many rows (GEMM) in bfloat16 on a CPU, with gradients.

oneDNN generates code for each new size, which costs time and memory, and batches of text rarely
have the same size twice. This code is the same for all sizes. It also returns gradients of weights
in float32, and those of a bias without another pass.
"""

from __future__ import annotations

import ctypes
from functools import cache
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from seqlstm.kernels.compiler import LONG, POINTER, Kernel
from seqlstm.kernels.packing import PACKED_VARIABLES, PackedLayout
from seqlstm.kernels.parameter_cache import cached

TILE_VARIABLES = ("tile_size", "min_tile_rows")
MATRIX = (POINTER, LONG, ctypes.c_int)  # data, stride, transposed
KERNEL = Kernel(
    "gemm.c",
    {
        "pack": ([LONG, LONG, *MATRIX, POINTER, LONG], None),
        "gemm": ([LONG, LONG, LONG, *MATRIX, *[POINTER] * 6, LONG], None),
        "bmm_scratch": ([LONG] * 3, LONG),
        "bmm": ([*[LONG] * 5, *[POINTER] * 5, LONG], None),
    },
    variables=(*PACKED_VARIABLES, *TILE_VARIABLES),
)
MIN_ROWS = 128
"""Rows of the left matrix from which packing the right one is worth its cost."""
# Instructions: products of pairs, which gemm.c uses; AMX tiles, with which oneDNN is faster.
PAIRS, TILES = "_is_avx512_bf16_supported", "_is_amx_tile_supported"


@cache
def gemm_library() -> ctypes.CDLL | None:
    """gemm.c; None where it cannot be compiled, or where oneDNN is faster."""
    has = {name: getattr(torch.cpu, name, bool)() for name in (PAIRS, TILES)}
    if not has[PAIRS] or has[TILES]:
        return None
    return KERNEL.library()


def gemm(
    left: Tensor,
    right: Tensor,
    bias: Tensor | None = None,
    *,
    dtype: torch.dtype | None = None,
    sums: Tensor | None = None,
) -> Tensor:
    """left · right + bias, in C for bfloat16 on a CPU, with sums in float32.

    Args:
        left: (rows, depth).
        right: (depth, columns).
        bias: (columns,), if any.
        dtype: of the result; that of the factors when None.
        sums: (rows,) in float32, overwritten with the sums of the rows of `left`.

    Returns:
        (rows, columns).
    """
    result_type = left.dtype if dtype is None else dtype
    library = gemm_library() if serves(left, right, result_type) else None
    if library is None:
        return gemm_reference(left, right, bias, dtype=dtype, sums=sums)
    packed = pack(library, right.t())
    return run(library, left, packed, right.shape[1], bias, dtype=result_type, sums=sums)


def gemm_reference(
    left: Tensor,
    right: Tensor,
    bias: Tensor | None = None,
    *,
    dtype: torch.dtype | None = None,
    sums: Tensor | None = None,
) -> Tensor:
    """`gemm` in PyTorch."""
    if sums is not None:
        torch.sum(left, 1, dtype=sums.dtype, out=sums)
    result = left @ right if bias is None else torch.addmm(bias.to(left.dtype), left, right)
    return result.to(left.dtype if dtype is None else dtype)


def serves(left: Tensor, right: Tensor, dtype: torch.dtype) -> bool:
    """Whether the C code applies. Wrong shapes go to PyTorch, which raises the error."""
    (rows, depth), (columns, _) = left.shape, right.t().shape
    return (
        left.dtype == right.dtype == torch.bfloat16
        and dtype in (torch.bfloat16, torch.float32)
        and on_cpu(left, right)
        and depth == len(right)
        and rows >= MIN_ROWS
        and min(columns, depth) > 0
    )


def on_cpu(*tensors: Tensor) -> bool:
    return all(tensor.device.type == "cpu" for tensor in tensors)


def run(
    library: ctypes.CDLL,
    left: Tensor,
    packed: Tensor,
    columns: int,
    bias: Tensor | None,
    *,
    dtype: torch.dtype,
    sums: Tensor | None = None,
) -> Tensor:
    """`gemm` in C, with a packed right matrix."""
    (rows, depth), threads = left.shape, torch.get_num_threads()
    assert bias is None or bias.shape == (columns,)
    assert sums is None or (sums.shape == (rows,) and sums.dtype == torch.float32)
    matrix, stride, transposed = Lines.of(left, transposed=sums is not None)
    bias = None if bias is None else bias.float().contiguous()
    result = left.new_empty(rows, columns, dtype=dtype)
    exact, rounded = (result, None) if dtype == torch.float32 else (None, result)
    scratch = left.new_empty(threads * tile_size(library, depth) if transposed else 0)
    library.gemm(
        *(rows, columns, depth, matrix.data_ptr(), stride, transposed, packed.data_ptr()),
        *(None if part is None else part.data_ptr() for part in (bias, exact, rounded, sums)),
        *(scratch.data_ptr(), threads),
    )
    return result


def tile_size(library: ctypes.CDLL, depth: int) -> int:
    """Elements of the largest packed tile of gemm.c."""
    size, rows = (ctypes.c_long.in_dll(library, name).value for name in TILE_VARIABLES)
    return max(size, rows * PackedLayout.of(library).padded(depth))


def pack(library: ctypes.CDLL, matrix: Tensor) -> Tensor:
    """As `PackedLayout.pack` of one matrix (rows, columns); padded rows are undefined."""
    layout = PackedLayout.of(library)
    rows, columns = matrix.shape
    panels, pairs = -(-rows // layout.width), layout.padded(columns) // layout.pair
    packed = matrix.new_empty(panels, pairs, layout.width, layout.pair)
    lines, stride, transposed = Lines.of(matrix)
    threads = torch.get_num_threads()
    library.pack(rows, columns, lines.data_ptr(), stride, transposed, packed.data_ptr(), threads)
    return packed


def pack_matrix(matrix: Tensor, layout: PackedLayout) -> Tensor:
    """`layout.pack`, in C where that applies."""
    library = gemm_library() if matrix.dtype == torch.bfloat16 and on_cpu(matrix) else None
    if library is None or PackedLayout.of(library) != layout:
        return layout.pack(matrix)
    blocks = [pack(library, block) for block in matrix]
    return torch.stack(blocks) if len(blocks) > 1 else blocks[0].unsqueeze(0)


def packed_parameter(weight: Tensor, dtype: torch.dtype, layout: PackedLayout) -> Tensor:
    """A packed matrix (rows, columns) in this type; `cached` for a parameter."""
    return cached(
        weight, (layout, dtype), lambda source: pack_matrix(source.to(dtype).unsqueeze(0), layout)
    )


class Lines(NamedTuple):
    """A matrix as gemm.c reads it: by rows, or transposed (by columns)."""

    matrix: Tensor
    stride: int
    transposed: bool

    @classmethod
    def of(cls, matrix: Tensor, *, transposed: bool = False) -> Lines:
        """From (rows, depth): transposed on request, or where rows are not contiguous pairs."""
        if not transposed and matrix.stride(1) == 1 and matrix.shape[1] % 2 == 0:
            return cls(matrix, matrix.stride(0), transposed=False)
        if matrix.stride(0) != 1:
            matrix = matrix.t().contiguous().t()
        return cls(matrix, matrix.stride(1), transposed=True)


def linear_gemm(
    inputs: Tensor, weight: Tensor, bias: Tensor | None, dtype: torch.dtype
) -> Tensor | None:
    """W·x + b with factors of this type, as one autograd function; None where it does not apply.

    Without gradients the packed parameter is cached, and there may be any number of rows.

    Args:
        inputs: (..., columns).
        weight: (rows, columns), in float32.
        bias: (rows,) in float32, if any.
        dtype: of the factors and of the result; sums and the gradients of W and b are in float32.

    Returns:
        (..., rows), or None.
    """
    *batch, columns = inputs.shape
    fits = weight.dim() == 2 and weight.dtype == torch.float32 and weight.shape[1] == columns
    if bias is not None:
        fits = fits and bias.dtype == torch.float32 and bias.shape == weight.shape[:1]
    caches = not torch.is_grad_enabled() and isinstance(weight, nn.Parameter)
    min_rows = 1 if caches and not weight.is_inference() else MIN_ROWS
    if not fits or prod(batch) < min_rows or dtype != torch.bfloat16 or not on_cpu(inputs, weight):
        return None
    library = gemm_library()
    if library is None:
        return None
    factors = inputs.to(dtype).reshape(-1, columns)
    result: Tensor
    if torch.is_grad_enabled():
        matrix = weight.detach().to(dtype)
        result = LinearGemm.apply(factors, matrix, weight, bias)  # type: ignore[no-untyped-call]
    else:
        packed = packed_parameter(weight, dtype, PackedLayout.of(library))
        result = run(library, factors, packed, len(weight), bias, dtype=dtype)
    return result.view(*batch, len(weight))


class LinearGemm(torch.autograd.Function):
    """W·x + b, where `matrix` is W rounded to bfloat16."""

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
        needs_inputs, _, needs_weight, needs_bias = ctx.needs_input_grad
        d_inputs = gemm(d_outputs, matrix) if needs_inputs else None
        d_bias = d_outputs.new_empty(len(matrix), dtype=torch.float32) if needs_bias else None
        d_weight = None
        if needs_weight:
            d_weight = gemm(d_outputs.t(), inputs, dtype=torch.float32, sums=d_bias)
        elif d_bias is not None:
            torch.sum(d_outputs, 0, dtype=d_bias.dtype, out=d_bias)
        return d_inputs, None, d_weight, d_bias
