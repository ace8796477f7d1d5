"""What follows from a parameter alone, kept until the parameter changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cache
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.weak import WeakTensorKeyDictionary

Version: TypeAlias = tuple[int, int]
"""Of a parameter: it differs after every change, in place or by other memory."""

CACHE: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def cached(source: Tensor, key: Hashable, make: Callable[[Tensor], Tensor]) -> Tensor:
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
    clear_after_optimizer_steps()
    change: Version = (source.data_ptr(), source._version)
    kept: dict[Hashable, tuple[Version, Tensor]] = CACHE.setdefault(source, {})  # type: ignore[no-untyped-call]
    if key not in kept or kept[key][0] != change:
        kept[key] = change, make(source)
    return kept[key][1]


@cache
def clear_after_optimizer_steps() -> None:
    """From now on a step of any optimizer drops all: fused ones do not tell that they change."""

    def forget(*_: Any) -> None:
        CACHE.clear()

    register_optimizer_step_post_hook(forget)
