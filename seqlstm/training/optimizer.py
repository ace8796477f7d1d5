"""Optimizers by name."""

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
    """The optimizer of a model's parameters. Weight decay leaves biases alone: they are no weights.

    `fused` makes a step one pass over the parameters, where torch has such a kernel.
    """
    parameters = list(model.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if p.dim() > 1]},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return OPTIMIZERS[kind](groups, lr=learning_rate, fused=True, **options)  # type: ignore[call-arg]


def set_rate(optimizer: Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def clip_gradients(optimizer: Optimizer, norm: float, largest: float) -> None:
    """Have the next step scale gradients, of this norm all together, down to the largest (Pascanu,
    Mikolov & Bengio, 2013, §3.2).

    It divides what it reads, as in mixed precision: that is no pass more over the gradients.
    """
    scale = torch.tensor(norm / largest, dtype=torch.float32) if norm > largest else None
    optimizer.grad_scale = scale  # type: ignore[attr-defined]


def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """The norm of all gradients together."""
    return nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
