"""The time loop of an element-wise cell in C. Its reference is recurrent/backends/loop.py."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import torch
from torch import Tensor

from seqlstm.kernels.compiler import C_TYPES, compile_program, read_source
from seqlstm.kernels.packing import PACKED_VARIABLES, PackedLayout

SYMBOLS = ("forward", "backward", "arguments_size", "shared", *PACKED_VARIABLES)
STATE_TYPES = (torch.float32, torch.float64)


@cache
def build(text: str, real: str, product: str, projected: str) -> ctypes.CDLL:
    """The library of `recurrence.c` with this equations.h; cached.

    Raises:
        OSError: as `compile_program`.
    """
    texts = {"recurrence.c": read_source("recurrence.c"), "equations.h": text}
    macros = {"REAL": real, "PRODUCT": product, "PROJECTED": projected}
    return compile_program("recurrence.c", texts, macros, symbols=SYMBOLS)


class Native:
    """The functions of `recurrence.c` for one cell and one choice of types.

    Args:
        text: the cell's equations.h.
        real: type of states.
        product: type of the factors of R·h.
        projected: type of the projected inputs.
    """

    def __init__(
        self, text: str, *, real: torch.dtype, product: torch.dtype, projected: torch.dtype
    ) -> None:
        self.code = build(text, C_TYPES[real], C_TYPES[product], C_TYPES[projected])
        size = ctypes.c_long.in_dll(self.code, "arguments_size").value
        assert size == ctypes.sizeof(Arguments), "recurrence.c has another struct"
        self.layout = PackedLayout.of(self.code)
        # Whether the projected inputs and the product R·h have the same gradient.
        self.shared = bool(ctypes.c_long.in_dll(self.code, "shared").value)

    def forward(self, **values: Any) -> None:
        """Run all steps. `values` are fields of the struct `Arguments` in recurrence.c."""
        self.code.forward(ctypes.byref(Arguments(**values)))

    def backward(self, **values: Any) -> None:
        """Run the backward pass of all steps."""
        self.code.backward(ctypes.byref(Arguments(**values)))

    def factors(self, like: Tensor, *shape: int) -> Tensor:
        """Uninitialized factors of a product; zeros where the last axis is padded."""
        *axes, columns = shape
        if self.layout.padded(columns) == columns:
            return like.new_empty(shape)
        return like.new_zeros(*axes, self.layout.padded(columns))


@cache
def native(text: str, real: torch.dtype, product: torch.dtype, projected: torch.dtype) -> Native:
    """The functions for these equations and types; cached."""
    return Native(text, real=real, product=product, projected=projected)


class Arguments(ctypes.Structure):
    """The struct `Arguments` of recurrence.c, made from numbers, tensors and lists of tensors."""

    COUNTS = ("steps", "batch", "hidden", "heads", "needs_grad", "reverse", "threads")
    POINTERS = (
        *("projected", "matrix", "transposed", "parameters", "initial", "reset_state"),
        *("lengths", "resets", "product", "operand", "products", "operands"),
        *("states", "final", "outputs"),
        *("d_outputs", "d_states", "d_products", "d_projected", "d_parameters"),
        *("d_product", "d_start", "d_operand", "zeros"),
    )
    _fields_ = (
        *((name, ctypes.c_long) for name in COUNTS),
        *((name, ctypes.c_void_p) for name in POINTERS),
    )

    def __init__(self, **values: Any) -> None:
        super().__init__()
        self.arrays = {}
        for name, value in values.items():
            if isinstance(value, Tensor):
                setattr(self, name, value.data_ptr())
            elif isinstance(value, list):
                array = (ctypes.c_void_p * len(value))(*(tensor.data_ptr() for tensor in value))
                self.arrays[name] = array  # keeps the array alive
                setattr(self, name, ctypes.addressof(array))
            elif value is not None:
                setattr(self, name, value)
