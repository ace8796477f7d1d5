"""Warnings of PyTorch that a user of this package cannot act on."""

from __future__ import annotations

import warnings


def ignore_cudnn_layout_warning() -> None:
    """Ignore that cuDNN copies separate weights into one block in each call: the copy is cheap."""
    warnings.filterwarnings("ignore", message="RNN module weights")
