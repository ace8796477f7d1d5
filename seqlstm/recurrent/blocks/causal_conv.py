"""A causal convolution over time with a state, lengths and resets, as a recurrence has them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CausalConvolution(nn.Module):
    """A causal depthwise convolution: each output reads one feature at its own and earlier steps.

    The state is one tensor, (batch, kernel_size − 1, width): the last inputs, oldest first.

    Args:
        width: features.
        kernel_size: number of steps that one output reads.

    Raises:
        ValueError: a kernel size that is not positive.
    """

    def __init__(self, width: int, kernel_size: int) -> None:
        super().__init__()
        if kernel_size < 1:
            raise ValueError(f"conv_kernel_size must be positive, was: {kernel_size}")
        bound = kernel_size**-0.5
        self.weight = nn.Parameter(
            torch.empty(kernel_size, width).uniform_(-bound, bound)
        )  # oldest first
        self.bias = nn.Parameter(torch.zeros(width))

    def initial_state(self, batch: int) -> Tensor:
        """Zeros, where the parameters are."""
        kernel_size, width = self.weight.shape
        return self.bias.new_zeros(batch, kernel_size - 1, width)

    def forward(
        self,
        inputs: Tensor,
        window: Tensor,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As `Recurrent.forward`, with the state `window`; inputs before a reset count as zero."""
        past = window.shape[1]
        steps, batch, _ = inputs.shape
        if lengths is None:
            lengths = torch.full((batch,), steps, device=inputs.device)
        sequence = torch.cat([window.transpose(0, 1).to(inputs.dtype), inputs])
        # The number of resets so far: steps of different segments do not read each other.
        segment = lengths.new_zeros(len(sequence), batch)
        if resets is not None:
            segment[past:] = resets.cumsum(0)
        outputs = self.bias.to(inputs.dtype).expand_as(inputs)
        for offset, weights in enumerate(self.weight.to(inputs.dtype)):
            shifted = sequence[offset : offset + steps]
            if resets is not None:
                visible = segment[offset : offset + steps] == segment[past:]
                shifted = shifted.where(visible.unsqueeze(-1), 0.0)
            outputs = torch.addcmul(outputs, shifted, weights)
        return outputs, self.last_inputs(sequence, segment, lengths).to(window.dtype)

    def last_inputs(self, sequence: Tensor, segment: Tensor, lengths: Tensor) -> Tensor:
        """The last inputs of each row, (batch, past, width); those before a reset are zero."""
        past = len(self.weight) - 1
        rows = torch.arange(len(lengths), device=lengths.device)
        steps = lengths + torch.arange(past, device=lengths.device).unsqueeze(1)  # (past, batch)
        inputs, end = sequence[steps, rows], segment[lengths + past - 1, rows]
        return inputs.where((segment[steps, rows] == end).unsqueeze(-1), 0.0).transpose(0, 1)
