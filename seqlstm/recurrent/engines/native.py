"""The machine code that `source.py` builds, as Python calls it: arguments, layouts, threads."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from seqlstm.recurrent.engines.source import build

REALS = {torch.float32: "float", torch.float64: "double"}
TYPES = {**REALS, torch.bfloat16: "bfloat16"}


class Native:
    """The functions of `steps.c` for one cell and one choice of types.

    Args:
        text: the cell's equations.h.
        real: type of states.
        product: type of the factors of R·h.
        projected: type of what was projected.
    """

    def __init__(
        self, text: str, *, real: torch.dtype, product: torch.dtype, projected: torch.dtype
    ) -> None:
        self.code = build(text, REALS[real], TYPES[product], TYPES[projected])
        self.width = ctypes.c_long.in_dll(self.code, "panel_width").value
        self.pair = ctypes.c_long.in_dll(self.code, "panel_pair").value
        # What was projected and the product have one and the same gradient.
        self.shared = bool(ctypes.c_long.in_dll(self.code, "shared").value)

    def forward(self, **values: Any) -> None:
        """All steps. `values` are fields of the struct `Call` in steps.c."""
        call = Call(**values)
        spread(lambda *share: self.code.forward(ctypes.byref(call), *share), call.batch)

    def backward(self, *, parameters: Sequence[Tensor], **values: Any) -> list[Tensor]:
        """All steps, backwards. Returns the gradients of the parameters."""
        call = Call(parameters=parameters, **values)

        def run(first: ctypes.c_long, end: ctypes.c_long) -> list[Tensor]:
            sums = [torch.zeros_like(one) for one in parameters]
            if not self.code.backward(ctypes.byref(call), first, end, addresses(sums)):
                raise MemoryError("no memory for the gradients of a step")
            return sums

        shares = spread(run, call.batch)
        return [torch.stack(one).sum(0) for one in zip(*shares, strict=True)]

    def padded(self, columns: int) -> int:
        """Factors of a product lie in whole pairs."""
        return -(-columns // self.pair) * self.pair

    def panels(self, matrix: Tensor) -> Tensor:
        """(heads, rows, columns) -> (heads, panels, pairs, width, pair), padded with zeros.

        So that a product reads what it needs one after the other.
        """
        heads, rows, columns = matrix.shape
        wide = -(-rows // self.width) * self.width
        whole = pad(matrix, (0, self.padded(columns) - columns, 0, wide - rows))
        split = whole.view(heads, wide // self.width, self.width, -1, self.pair)
        return split.transpose(2, 3).contiguous()


native = cache(Native)


class Call(ctypes.Structure):
    """The struct of that name in steps.c, from numbers, tensors and lists of tensors by name."""

    COUNTS = ("steps", "batch", "hidden", "heads", "keeps")
    PLACES = (
        *("projected", "matrix", "transposed", "parameters", "fresh", "lengths", "resets"),
        *("product", "operand", "states", "last", "outputs"),
        *("d_outputs", "d_states", "d_product", "d_projected"),
    )
    _fields_ = (
        *((name, ctypes.c_long) for name in COUNTS),
        *((name, ctypes.c_void_p) for name in PLACES),
    )

    def __init__(self, **values: Any) -> None:
        self.held = values, {}
        for name, value in values.items():
            if isinstance(value, Tensor):
                setattr(self, name, value.data_ptr())
            elif isinstance(value, int):
                setattr(self, name, value)
            elif value is not None:
                array = self.held[1][name] = addresses(value)
                setattr(self, name, ctypes.addressof(array))


def addresses(tensors: Sequence[Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(tensors))(*(one.data_ptr() for one in tensors))


def spread(run: Callable[[ctypes.c_long, ctypes.c_long], Any], batch: int) -> list[Any]:
    """Call `run` for shares of the rows, from one to another, one a thread, at once."""
    threads = max(1, min(torch.get_num_threads(), batch))
    ends = [ctypes.c_long(batch * share // threads) for share in range(threads + 1)]
    if threads == 1:
        return [run(*ends)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, ends[:-1], ends[1:]))
