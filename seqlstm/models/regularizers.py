"""Activation regularization: penalties on the outputs of the recurrent layers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from seqlstm.models.batch import Batch
from seqlstm.recurrent.connections import at_least_float32


@dataclass(frozen=True)
class ActivationRegularizer:
    """AR and TAR (Merity, McCann & Socher, 2017; Merity, Keskar & Socher, 2018, §4.6).

        α · mean (m ∘ h_t)²  +  β · mean (h_t − h_{t+1})²

    over the steps without padding, the batch and the features of h, the output of the last layer; m
    is the dropout mask on h. (The papers have norms; their code has these mean squares.)

    Attributes:
        activation: α, on the output after dropout.
        temporal: β, on the difference of successive outputs before dropout.
    """

    activation: float = 0.0
    temporal: float = 0.0

    def __call__(self, outputs: Tensor, dropped: Tensor, batch: Batch) -> Tensor:
        """The penalty times the number of tokens, to be added to a summed loss.

        Args:
            outputs: of the last layer, (time, batch, hidden).
            dropped: the same after dropout.
            batch: the inputs.
        """
        steps = real_steps(batch)  # (time, batch)
        total = outputs.new_zeros((), dtype=torch.promote_types(outputs.dtype, torch.float32))
        if self.activation:
            total = total + self.activation * mean_square(dropped, steps)
        if self.temporal:
            pairs = steps[1:]
            if batch.resets is not None:  # no difference across a reset
                pairs = pairs & ~batch.resets.t()[1:]
            total = total + self.temporal * mean_square(outputs[1:] - outputs[:-1], pairs)
        return batch.tokens * total


def real_steps(batch: Batch) -> Tensor:
    """True at steps without padding, (time, batch)."""
    rows, time = batch.inputs.shape
    device = batch.inputs.device
    if batch.lengths is None:
        return torch.ones(time, rows, dtype=torch.bool, device=device)
    return torch.arange(time, device=device).unsqueeze(1) < batch.lengths


def mean_square(values: Tensor, mask: Tensor) -> Tensor:
    """Mean square of values (time, batch, features) at the steps of a mask (time, batch)."""
    squares = at_least_float32(values).square().mean(-1)
    return squares.where(mask, 0).sum() / mask.sum().clamp(min=1)
