"""Sequences turned round, each row inside its length."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def reverse(sequence: Tensor, lengths: Tensor | None) -> Tensor:
    """Turn each row of (time, batch, features) round inside its length; padding stays in place."""
    if lengths is None:
        return sequence.flip(0)
    steps, batch, _ = sequence.shape
    time = torch.arange(steps, device=lengths.device).unsqueeze(1)  # (time, 1)
    source = torch.where(time < lengths, lengths - 1 - time, time)  # (time, batch)
    places = source * batch + torch.arange(batch, device=lengths.device)
    turned: Tensor = Swap.apply(sequence, places.flatten())  # type: ignore[no-untyped-call]
    return turned


class Swap(torch.autograd.Function):
    """Steps of rows change places in pairs, so the way back is the way there."""

    @staticmethod
    def forward(ctx: Any, sequence: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        return sequence.flatten(0, 1).index_select(0, places).view_as(sequence)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,), (places,) = gradients, ctx.saved_tensors
        back: Tensor = Swap.apply(gradient, places)  # type: ignore[no-untyped-call]
        return back, None
