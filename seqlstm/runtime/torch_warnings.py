"""A filter for warnings of torch that need no action."""

from __future__ import annotations

import warnings


def ignore_cudnn_weight_copies() -> None:
    """Ignore the warning that cuDNN copies separate weights into one block at each call.

    The copy is cheap.
    """
    warnings.filterwarnings("ignore", message="RNN module weights")
