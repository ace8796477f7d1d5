"""The product of a few rows with a matrix of parameters, on a CPU.

A step of one text, or of a sentence's few beams, spends its time on reading matrices. Libraries,
made for many rows, read them at half the speed of memory.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.resources import files

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from seqlstm.kernels.compiler import optional_program
from seqlstm.kernels.gemm import packed_parameter
from seqlstm.kernels.packing import PackedLayout

TEXT = (files(__package__) / "gemv.c").read_text(encoding="utf-8")
TYPES = {torch.float32: "float", torch.bfloat16: "bfloat16"}
MAX_ROWS = 8
"""Rows at once; of more the libraries are as fast, or `gemm`."""


def gemv(inputs: Tensor, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """W·x + b, computed from factors of a type, for inference; None where it is not for this.

    It is for at most `MAX_ROWS` rows on a CPU, and for parameters, whose layout is kept.

    Args:
        inputs: (..., columns).
        weight: (rows, columns).
        bias: (rows,), if any.
        dtype: of the factors and of the result; sums are in float32.

    Returns:
        (..., rows), or None.
    """
    (rows, columns), of_rows = weight.shape, inputs.shape[:-1]
    few = of_rows.numel()
    if not (0 < few <= MAX_ROWS and dtype in TYPES and weight.dtype == torch.float32):
        return None
    if inputs.device.type != "cpu" or not isinstance(weight, nn.Parameter):
        return None
    if inputs.shape[-1] != columns or (bias is not None and bias.shape != (rows,)):
        return None  # torch says what is wrong
    if weight.is_inference() or (code := machine_code(TYPES[dtype])) is None:
        return None
    layout = PackedLayout.of(code)
    panels = packed_parameter(weight, dtype, layout)
    depth = layout.padded(columns)
    left = inputs.to(dtype)
    left = left.contiguous() if depth == columns else pad(left, (0, depth - columns))
    result = left.new_empty(*of_rows, rows)
    added = None if bias is None else bias.float().contiguous()
    code.product(
        few,
        rows,
        depth,
        left.data_ptr(),
        panels.data_ptr(),
        None if added is None else added.data_ptr(),
        result.data_ptr(),
        torch.get_num_threads(),
    )
    return result


@cache
def machine_code(factor: str) -> ctypes.CDLL | None:
    """gemv.c for this type of factors; None where it cannot be compiled."""
    code = optional_program("gemv.c", TEXT, {"REAL": "float", "PRODUCT": factor})
    if code is None:
        return None
    assert ctypes.c_long.in_dll(code, "most_rows").value >= MAX_ROWS
    count, place = ctypes.c_long, ctypes.c_void_p
    code.product.argtypes = [*[count] * 3, *[place] * 4, count]
    code.product.restype = None
    return code
