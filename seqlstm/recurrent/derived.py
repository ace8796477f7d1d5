"""What follows from a parameter alone, kept until the parameter changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

Change: TypeAlias = tuple[int, int]
"""Of a parameter: it differs after every change, in place or by other memory."""

KEPT: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def derived(source: Tensor, key: Hashable, make: Callable[[Tensor], Tensor]) -> Tensor:
    """`make(source)`; of a parameter, while no gradient is wanted, made once for many steps.

    Autocast too keeps what it casts, but not in inference mode, and not from one call to the next.

    Args:
        source: what it follows from.
        key: tells `make` from others of the same source.
        make: from the source to what follows from it and from nothing else.
    """
    # A tensor of inference mode does not tell when it changes.
    if torch.is_grad_enabled() or not isinstance(source, nn.Parameter) or source.is_inference():
        return make(source)
    change: Change = (source.data_ptr(), source._version)
    kept: dict[Hashable, tuple[Change, Tensor]] = KEPT.setdefault(source, {})
    if key not in kept or kept[key][0] != change:
        kept[key] = change, make(source)
    return kept[key][1]
