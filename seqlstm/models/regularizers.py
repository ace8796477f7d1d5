"""Penalties on what a recurrence gives, beside the loss."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from seqlstm.models.batch import Batch


@dataclass(frozen=True)
class ActivationRegularizer:
    """AR and TAR (Merity, McCann & Socher, 2017; Merity, Keskar & Socher, 2018, §4.6).

        α · mean (m ∘ h_t)²  +  β · mean (h_t − h_{t+1})²

    over the real steps, the batch and the features of the last layer's output h; m is the dropout
    mask on it. (The papers write norms; their program has these means of squares.)

    Attributes:
        activation: α, on the dropped output.
        temporal: β, on the difference of successive outputs, not dropped.
    """

    activation: float = 0.0
    temporal: float = 0.0

    def __call__(self, outputs: Tensor, dropped: Tensor, batch: Batch) -> Tensor:
        """The penalty times the batch's tokens: the share of a token in the loss is the mean.

        Args:
            outputs: of the last layer, (time, batch, hidden).
            dropped: the same, dropped.
            batch: that was read.
        """
        steps = real_steps(batch)  # (time, batch)
        total = outputs.new_zeros((), dtype=torch.promote_types(outputs.dtype, torch.float32))
        if self.activation:
            total = total + self.activation * mean_square(dropped, steps)
        if self.temporal:
            pairs = steps[1:]
            if batch.resets is not None:  # what comes before a fresh start is not its past
                pairs = pairs & ~batch.resets.t()[1:]
            total = total + self.temporal * mean_square(outputs[1:] - outputs[:-1], pairs)
        return batch.tokens * total


def real_steps(batch: Batch) -> Tensor:
    """Where rows have not ended, (time, batch)."""
    rows, time = batch.inputs.shape
    device = batch.inputs.device
    if batch.lengths is None:
        return torch.ones(time, rows, dtype=torch.bool, device=device)
    return torch.arange(time, device=device).unsqueeze(1) < batch.lengths


def mean_square(values: Tensor, where: Tensor) -> Tensor:
    """The mean of squares of values (time, batch, features) at chosen steps (time, batch)."""
    squares = values.to(torch.promote_types(values.dtype, torch.float32)).square().mean(-1)
    return squares.where(where, 0).sum() / where.sum().clamp(min=1)


def add_gradient(loss: Tensor, penalty: Tensor) -> Tensor:
    """The loss as it is, whose gradient is that of loss and penalty together."""
    return loss + (penalty - penalty.detach())
