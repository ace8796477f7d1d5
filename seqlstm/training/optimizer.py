"""Optimizers by name, learning rate and gradient clipping."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

OPTIMIZERS: dict[str, type[Optimizer]] = {"adam": Adam, "adamw": AdamW, "sgd": SGD}


def make_optimizer(
    model: nn.Module, *, kind: str, learning_rate: float, **options: Any
) -> Optimizer:
    """The optimizer of a model's parameters; biases and other vectors have no weight decay.

    `fused=True`: torch's fused kernels update all parameters in one pass.
    """
    parameters = list(model.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if p.dim() > 1]},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return OPTIMIZERS[kind](groups, lr=learning_rate, fused=True, **options)  # type: ignore[call-arg]


def set_learning_rate(optimizer: Optimizer, learning_rate: float) -> None:
    """Set the learning rate of every parameter group."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def clip_gradients(optimizer: Optimizer, norm: float, max_norm: float) -> None:
    """Clip the gradients by their total norm (Pascanu, Mikolov & Bengio, 2013, §3.2).

    The next `optimizer.step()` scales them: `grad_scale` is the attribute by which torch's
    `GradScaler` unscales gradients inside fused optimizers. This saves a pass over all gradients.
    """
    scale = torch.tensor(norm / max_norm, dtype=torch.float32) if norm > max_norm else None
    optimizer.grad_scale = scale  # type: ignore[attr-defined]


def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """The Euclidean norm of all gradients, taken as one vector."""
    return nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
