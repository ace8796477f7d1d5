"""The packed matrix layout that packed_gemm.h reads."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache

from torch import Tensor
from torch.nn.functional import pad

PACKED_VARIABLES = ("panel_width", "panel_pair")
"""The variables of packed_gemm.h in a library, in the order of the layout's attributes."""


@dataclass(frozen=True)
class PackedLayout:
    """The sizes of packed_gemm.h in a compiled library.

    Attributes:
        width: columns of a panel.
        pair: rows of a column whose elements lie side by side.
    """

    width: int
    pair: int

    @classmethod
    @cache
    def of(cls, library: ctypes.CDLL) -> PackedLayout:
        """The layout of a library whose program includes packed_gemm.h."""
        return cls(*(ctypes.c_long.in_dll(library, name).value for name in PACKED_VARIABLES))

    def padded(self, columns: int) -> int:
        """The number of columns, rounded up to whole pairs."""
        return -(-columns // self.pair) * self.pair

    def pack(self, matrix: Tensor) -> Tensor:
        """(heads, rows, columns) -> (heads, panels, pairs, width, pair), padded with zeros."""
        heads, rows, columns = matrix.shape
        padded_rows = -(-rows // self.width) * self.width
        whole = pad(matrix, (0, self.padded(columns) - columns, 0, padded_rows - rows))
        split = whole.view(heads, padded_rows // self.width, self.width, -1, self.pair)
        return split.transpose(2, 3).contiguous()
