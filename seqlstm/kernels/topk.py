"""The k highest scores of each row, in order."""

from __future__ import annotations

import torch
from torch import Tensor

from seqlstm.kernels.compiler import LONG, POINTER, Kernel

KERNEL = Kernel("topk.c", {"topk": ([LONG] * 3 + [POINTER] * 3 + [LONG], None)})


def topk(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Stable `topk`: equal scores are in the order of their indices, as with `argmax`.

    Logits in half precision are often equal. The C code, for float32 on a CPU, makes one pass.

    Args:
        scores: (rows, columns).
        k: from 1 to the number of columns.

    Returns:
        Values and indices, (rows, k).

    Raises:
        ValueError: k is out of its range.
    """
    serves = scores.device.type == "cpu" and scores.dtype == torch.float32
    library = KERNEL.library() if serves else None
    if library is None:
        return topk_reference(scores, k)
    rows, columns = scores.shape
    check(columns, k)
    scores = scores.contiguous()
    values = scores.new_empty(rows, k)
    indices = torch.empty_like(values, dtype=torch.long)
    pointers = scores.data_ptr(), values.data_ptr(), indices.data_ptr()
    library.topk(rows, columns, k, *pointers, torch.get_num_threads())
    return values, indices


def topk_reference(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """`topk` in PyTorch. If more than k scores are equal, any of them are returned."""
    check(scores.shape[1], k)
    indices = scores.topk(k).indices.sort(-1).values
    values, order = scores.gather(-1, indices).sort(dim=-1, descending=True, stable=True)
    return values, indices.gather(-1, order)


def check(columns: int, k: int) -> None:
    """Raises ValueError: k is out of its range."""
    if not 0 < k <= columns:
        raise ValueError(f"k must be in [1, {columns}], was: {k}")
