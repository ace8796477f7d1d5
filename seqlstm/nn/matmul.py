"""Batched matrix products: the kernel `bmm`, for layers above this package."""

from seqlstm.kernels.bmm import bmm

__all__ = ["bmm"]
