"""The k highest scores of each row, in order."""

from __future__ import annotations

import torch
from torch import Tensor

from seqlstm.kernels.compiler import LONG, POINTER, Kernel

KERNEL = Kernel("topk.c", {"topk": ([LONG] * 3 + [POINTER] * 3 + [LONG], None)})


def topk(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Stable `topk`: equal scores come in the order of their indices, as `argmax` has them.

    Half-precision logits are often equal. In C it is one pass over the scores, in float32 on a CPU.

    Args:
        scores: (rows, columns).
        k: at most as many as there are columns.

    Returns:
        Values and indices, (rows, k).

    Raises:
        ValueError: there are fewer columns, or k is not positive.
    """
    serves = scores.device.type == "cpu" and scores.dtype == torch.float32
    code = KERNEL.library() if serves else None
    if code is None:
        return topk_reference(scores, k)
    rows, columns = scores.shape
    check(columns, k)
    scores = scores.contiguous()
    values = scores.new_empty(rows, k)
    indices = torch.empty_like(values, dtype=torch.long)
    pointers = scores.data_ptr(), values.data_ptr(), indices.data_ptr()
    code.topk(rows, columns, k, *pointers, torch.get_num_threads())
    return values, indices


def topk_reference(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """`topk` in PyTorch; of more than k equal scores torch takes any."""
    check(scores.shape[1], k)
    indices = scores.topk(k).indices.sort(-1).values
    values, order = scores.gather(-1, indices).sort(dim=-1, descending=True, stable=True)
    return values, indices.gather(-1, order)


def check(columns: int, k: int) -> None:
    if not 0 < k <= columns:
        raise ValueError(f"k must be in [1, {columns}], was: {k}")
