"""Whether this machine runs the C kernels, or PyTorch in their place."""

from __future__ import annotations

from seqlstm.kernels.bernoulli import KERNEL


def are_kernels_compiled() -> bool:
    """Whether a kernel can be compiled; the others differ in what they compute only."""
    return KERNEL.library() is not None
