"""The highest of many scores, in order."""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.resources import files

import torch
from torch import Tensor

from seqlstm.kernels.compiler import optional_program

TEXT = (files(__package__) / "topk.c").read_text(encoding="utf-8")


def topk(scores: Tensor, amount: int) -> tuple[Tensor, Tensor]:
    """`topk` with equal scores in the order of their places, as `argmax` has them.

    Half-precision logits are often equal. (Of more than `amount` equal ones torch's `topk` picks.)
    On a CPU that compiles C it is one pass over the scores, most of which are soon passed over.

    Args:
        scores: (rows, columns).
        amount: at most as many as there are columns.

    Returns:
        Values and places, (rows, amount).

    Raises:
        ValueError: there are not so many.
    """
    rows, columns = scores.shape
    if not 0 < amount <= columns:
        raise ValueError(f"amount must be in [1, {columns}], was: {amount}")
    code = machine_code() if scores.device.type == "cpu" and scores.dtype == torch.float32 else None
    if code is None:
        places = scores.topk(amount).indices.sort(-1).values
        values, order = scores.gather(-1, places).sort(dim=-1, descending=True, stable=True)
        return values, places.gather(-1, order)
    scores = scores.contiguous()
    values = scores.new_empty(rows, amount)
    places = torch.empty_like(values, dtype=torch.long)
    given = (one.data_ptr() for one in (scores, values, places))
    code.topk(rows, columns, amount, *given, torch.get_num_threads())
    return values, places


@cache
def machine_code() -> ctypes.CDLL | None:
    """topk.c; None where it cannot be compiled."""
    code = optional_program("topk.c", TEXT, {})
    if code is None:
        return None
    count, place = ctypes.c_long, ctypes.c_void_p
    code.topk.argtypes = [count, count, count, place, place, place, count]
    code.topk.restype = None
    return code
