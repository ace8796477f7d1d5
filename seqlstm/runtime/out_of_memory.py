"""Recognition of errors that mean: no memory is left. (This module must not import torch.)"""

from __future__ import annotations

import re

NO_MEMORY = re.compile(
    r"out of memory|can't allocate memory|cannot allocate memory|bad_alloc|failed to map segment"
    "|can't start new thread|error return without exception set",
    re.IGNORECASE,
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of Python, torch or another library means that no memory is left."""
    return isinstance(error, MemoryError) or bool(NO_MEMORY.search(str(error)))
