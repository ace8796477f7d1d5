"""Fused linear layer and cross-entropy: only a chunk of the logits exists at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqlstm.kernels.gemm import gemm
from seqlstm.kernels.softmax import cross_entropy_with_grad
from seqlstm.nn.linear import is_autocast_enabled

CHUNK = 2**25  # logits that exist at once: 64 MB in bfloat16


def cross_entropy(
    features: Tensor, targets: Tensor, weight: Tensor, bias: Tensor, smoothing: float = 0.0
) -> Tensor:
    """Summed cross-entropy of a linear layer, without all (tokens, vocabulary) logits at once.

    Products are in bfloat16 under bfloat16 autocast, everything else in float32.

    Args:
        features: (tokens, input_size).
        targets: (tokens,).
        weight: (vocabulary, input_size).
        bias: (vocabulary,).
        smoothing: label smoothing, from 0 to 1.
    """
    dtype = product_dtype(features, weight)
    needs_grad = torch.is_grad_enabled() and (features.requires_grad or weight.requires_grad)
    loss: Tensor = LinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
        features.to(dtype), targets, weight, bias, smoothing, needs_grad
    )
    return loss


def product_dtype(features: Tensor, weight: Tensor) -> torch.dtype:
    """The type in which the two are multiplied: that of autocast, or of the weight."""
    device = features.device.type
    return torch.get_autocast_dtype(device) if is_autocast_enabled(device) else weight.dtype


class LinearCrossEntropy(torch.autograd.Function):
    """Computes loss and gradients together, chunk by chunk, from the same logits."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        targets: Tensor,
        weight: Tensor,
        bias: Tensor,
        smoothing: float,
        needs_grad: bool,
    ) -> Tensor:
        rows = max(1, CHUNK // len(weight))
        W = weight.to(features.dtype)
        total = bias.new_zeros((), dtype=torch.promote_types(bias.dtype, torch.float32))
        d_features = torch.empty_like(features) if needs_grad else None
        d_weight = None
        d_bias = torch.zeros_like(bias, dtype=total.dtype)
        for start in range(0, len(features), rows):
            part = slice(start, start + rows)
            logits = gemm(features[part], W.t())
            total += cross_entropy_with_grad(logits, bias, targets[part], smoothing, d_bias).sum()
            if d_features is None:
                continue
            d_features[part] = gemm(logits, W)
            product = gemm(logits.t(), features[part], dtype=weight.dtype)
            d_weight = product if d_weight is None else d_weight.add_(product)
        if d_features is not None:
            d_weight = torch.zeros_like(weight) if d_weight is None else d_weight
            ctx.gradients = [d_features, d_weight, d_bias]
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (scale,) = gradients
        # The gradients are changed in place, since that of a large vocabulary's matrix is large.
        if ctx.gradients is None:
            raise RuntimeError("a second backward pass: the first has freed the gradients")
        d_features, d_weight, d_bias = (gradient.mul_(scale) for gradient in ctx.gradients)
        ctx.gradients = None
        return d_features, None, d_weight, d_bias, None, None
