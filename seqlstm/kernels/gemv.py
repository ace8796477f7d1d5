"""Products of a few rows with a parameter matrix (GEMV, skinny GEMM), for inference on a CPU.

A decoding step of one text, or of the beams of one sentence, mostly reads matrices from memory.
Libraries for products with many rows reach only half the speed of memory.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from seqlstm.kernels.compiler import LONG, POINTER, Kernel
from seqlstm.kernels.gemm import packed_parameter
from seqlstm.kernels.packing import PACKED_VARIABLES, PackedLayout
from seqlstm.kernels.parameter_cache import cast

KERNEL = Kernel(
    "gemv.c",
    {"gemv": ([*[LONG] * 3, *[POINTER] * 4, LONG], None)},
    types=("PRODUCT",),
    variables=PACKED_VARIABLES,
)
TYPES = (torch.float32, torch.bfloat16)
MAX_ROWS = 8
"""Maximum number of rows, ROWS in packed_gemm.h; for more, `gemm` or torch is as fast."""


def gemv(inputs: Tensor, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    """W·x + b with factors of this type, without gradients.

    In C for at most `MAX_ROWS` rows on a CPU, if W is a parameter; its packed copy is cached.

    Args:
        inputs: (..., columns).
        weight: (rows, columns).
        bias: (rows,), if any.
        dtype: of the factors and of the result; sums are in float32.

    Returns:
        (..., rows).
    """
    (rows, columns), batch = weight.shape, inputs.shape[:-1]
    count = batch.numel()
    serves = (
        0 < count <= MAX_ROWS
        and dtype in TYPES
        and weight.dtype == torch.float32
        and inputs.device.type == "cpu"
        and isinstance(weight, nn.Parameter)
        and inputs.shape[-1] == columns
        and (bias is None or bias.shape == (rows,))
        and not weight.is_inference()
    )
    library = KERNEL.library(dtype) if serves else None
    if library is None:
        return gemv_reference(inputs, weight, bias, dtype)
    layout = PackedLayout.of(library)
    packed = packed_parameter(weight, dtype, layout)
    depth = layout.padded(columns)
    left = inputs.to(dtype)
    left = left.contiguous() if depth == columns else pad(left, (0, depth - columns))
    result = left.new_empty(*batch, rows)
    bias = None if bias is None else bias.float().contiguous()
    library.gemv(
        count,
        rows,
        depth,
        left.data_ptr(),
        packed.data_ptr(),
        None if bias is None else bias.data_ptr(),
        result.data_ptr(),
        torch.get_num_threads(),
    )
    return result


def gemv_reference(
    inputs: Tensor, weight: Tensor, bias: Tensor | None, dtype: torch.dtype
) -> Tensor:
    """`gemv` in PyTorch; the casts of parameters are cached."""
    bias = None if bias is None else cast(bias, dtype)
    return linear(cast(inputs, dtype), cast(weight, dtype), bias)
