"""The compiled time loop of an element-wise cell (recurrence.c), as Python calls it."""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.resources import files
from typing import Any

import torch
from torch import Tensor

from seqlstm.kernels.compiler import compile_program
from seqlstm.kernels.packing import PackedLayout

# Read with this module: what is compiled later is what this module knows.
TEXTS = {"recurrence.c": (files(__package__) / "recurrence.c").read_text(encoding="utf-8")}


@cache
def build(text: str, real: str, product: str, projected: str) -> ctypes.CDLL:
    """Compile `recurrence.c` with this equations.h, and load it; once a process for each.

    Raises:
        OSError: as `compile_program`.
    """
    types = {"REAL": real, "PRODUCT": product, "PROJECTED": projected}
    return compile_program("recurrence.c", {**TEXTS, "equations.h": text}, types)


REALS = {torch.float32: "float", torch.float64: "double"}


TYPES = {**REALS, torch.bfloat16: "bfloat16"}


class Native:
    """The functions of `recurrence.c` for one cell and one choice of types.

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
        size = ctypes.c_long.in_dll(self.code, "arguments_size").value
        assert size == ctypes.sizeof(Arguments), "recurrence.c has another struct"
        self.layout = PackedLayout.of(self.code)
        # What was projected and the product have one and the same gradient.
        self.shared = bool(ctypes.c_long.in_dll(self.code, "shared").value)

    def forward(self, **values: Any) -> None:
        """All steps. `values` are fields of the struct `Arguments` in recurrence.c."""
        self.code.forward(ctypes.byref(Arguments(**values)))

    def backward(self, **values: Any) -> None:
        """All steps, backwards."""
        self.code.backward(ctypes.byref(Arguments(**values)))

    def factors(self, like: Tensor, *shape: int) -> Tensor:
        """Memory for factors of a product, zeros where the last axis is padded."""
        *axes, columns = shape
        if self.layout.padded(columns) == columns:
            return like.new_empty(shape)
        return like.new_zeros(*axes, self.layout.padded(columns))


@cache
def native(text: str, real: torch.dtype, product: torch.dtype, projected: torch.dtype) -> Native:
    """The functions for these equations and types; made once a process."""
    return Native(text, real=real, product=product, projected=projected)


class Arguments(ctypes.Structure):
    """The struct `Arguments` of recurrence.c, from numbers, tensors and lists of tensors."""

    COUNTS = ("steps", "batch", "hidden", "heads", "keeps", "reverse", "threads")
    PLACES = (
        *("projected", "matrix", "transposed", "parameters", "first", "fresh", "lengths", "resets"),
        *("product", "operand", "products", "operands", "states", "last", "outputs"),
        *("d_outputs", "d_states", "d_products", "d_projected", "d_parameters"),
        *("d_product", "d_start", "d_operand", "nothing"),
    )
    _fields_ = (
        *((name, ctypes.c_long) for name in COUNTS),
        *((name, ctypes.c_void_p) for name in PLACES),
    )

    def __init__(self, **values: Any) -> None:
        super().__init__()
        self.arrays = {}
        for name, value in values.items():
            if isinstance(value, Tensor):
                setattr(self, name, value.data_ptr())
            elif isinstance(value, list):
                array = (ctypes.c_void_p * len(value))(*(one.data_ptr() for one in value))
                self.arrays[name] = array  # held as long as the struct points at it
                setattr(self, name, ctypes.addressof(array))
            elif value is not None:
                setattr(self, name, value)
