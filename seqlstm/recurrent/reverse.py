"""Reversal of padded sequences in time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def reverse(sequence: Tensor, lengths: Tensor | None) -> Tensor:
    """Reverse each row of (time, batch, features) within its length; padding stays in place."""
    if lengths is None:
        return sequence.flip(0)
    steps, batch, _ = sequence.shape
    time = torch.arange(steps, device=lengths.device).unsqueeze(1)  # (time, 1)
    source = torch.where(time < lengths, lengths - 1 - time, time)  # (time, batch)
    indices = source * batch + torch.arange(batch, device=lengths.device)
    reversed_sequence: Tensor = SwapSteps.apply(  # type: ignore[no-untyped-call]
        sequence, indices.flatten()
    )
    return reversed_sequence


class SwapSteps(torch.autograd.Function):
    """Swaps pairs of steps; the backward pass is the same swap of the gradients."""

    @staticmethod
    def forward(ctx: Any, sequence: Tensor, indices: Tensor) -> Tensor:
        ctx.save_for_backward(indices)
        return sequence.flatten(0, 1).index_select(0, indices).view_as(sequence)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,), (indices,) = gradients, ctx.saved_tensors
        swapped: Tensor = SwapSteps.apply(gradient, indices)  # type: ignore[no-untyped-call]
        return swapped, None
