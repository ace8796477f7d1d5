"""How a matrix lies for packed_gemm.h: what a product reads, one after the other."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache

from torch import Tensor
from torch.nn.functional import pad


@dataclass(frozen=True)
class PackedLayout:
    """What packed_gemm.h says of itself, once compiled.

    Attributes:
        width: columns of a panel.
        pair: factors that lie side by side.
    """

    width: int
    pair: int

    @classmethod
    @cache
    def of(cls, code: ctypes.CDLL) -> PackedLayout:
        """That of a library whose program includes packed_gemm.h."""
        names = ("panel_width", "panel_pair")
        return cls(*(ctypes.c_long.in_dll(code, name).value for name in names))

    def padded(self, columns: int) -> int:
        """Factors of a product lie in whole pairs."""
        return -(-columns // self.pair) * self.pair

    def panels(self, matrix: Tensor) -> Tensor:
        """(heads, rows, columns) -> (heads, panels, pairs, width, pair), padded with zeros."""
        heads, rows, columns = matrix.shape
        wide = -(-rows // self.width) * self.width
        whole = pad(matrix, (0, self.padded(columns) - columns, 0, wide - rows))
        split = whole.view(heads, wide // self.width, self.width, -1, self.pair)
        return split.transpose(2, 3).contiguous()
