"""Log-softmax, and cross-entropy with its gradient, in few passes over the logits."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from seqlstm.kernels.compiler import LONG, POINTER, Kernel

KERNEL = Kernel(
    "softmax.c",
    {
        "cross_entropy_with_grad": (
            [LONG, LONG, *[POINTER] * 3, ctypes.c_double, LONG, *[POINTER] * 3],
            None,
        ),
        "log_softmax": ([LONG, LONG, POINTER, POINTER, LONG], None),
    },
    types=("LOGIT", "REAL"),
)


def cross_entropy_with_grad(
    logits: Tensor, bias: Tensor, targets: Tensor, smoothing: float, d_bias: Tensor
) -> Tensor:
    """Cross-entropy; overwrites the logits (tokens, vocabulary) with the gradient of its sum.

    The C code makes one pass over the logits, PyTorch five.

    Args:
        logits: without their bias, in bfloat16 or in the type of `d_bias`; contiguous.
        bias: to be added to the logits, (vocabulary,).
        targets: (tokens,).
        smoothing: label smoothing, from 0 to 1.
        d_bias: the gradient of the bias is added to it, (vocabulary,).

    Returns:
        The losses, (tokens,), in nats.
    """
    library = KERNEL.library(logits.dtype, d_bias.dtype) if logits.device.type == "cpu" else None
    if library is None:
        return cross_entropy_with_grad_reference(logits, bias, targets, smoothing, d_bias)
    rows, columns = logits.shape
    assert logits.is_contiguous()
    assert targets.shape == (rows,)
    assert bias.shape == d_bias.shape == (columns,)
    targets = targets.long().contiguous()
    bias = bias.to(d_bias.dtype).contiguous()
    if rows and not 0 <= targets.min() <= targets.max() < columns:
        raise IndexError(f"a target must be in [0, {columns}), was: {targets.tolist()}")
    threads = max(1, min(torch.get_num_threads(), rows))
    exponentials = d_bias.new_empty(threads, columns)
    d_biases = d_bias.new_zeros(threads, columns)
    losses = d_bias.new_empty(rows)
    inputs = [tensor.data_ptr() for tensor in (logits, bias, targets)]
    outputs = [tensor.data_ptr() for tensor in (exponentials, d_biases, losses)]
    library.cross_entropy_with_grad(rows, columns, *inputs, smoothing, threads, *outputs)
    d_bias += d_biases.sum(0)
    return losses


def cross_entropy_with_grad_reference(
    logits: Tensor, bias: Tensor, targets: Tensor, smoothing: float, d_bias: Tensor
) -> Tensor:
    """`cross_entropy_with_grad` in PyTorch."""
    log_probs = (logits + bias).log_softmax(-1, dtype=d_bias.dtype)
    losses = label_smoothed_nll(log_probs, targets, smoothing)
    d_logits = log_probs.exp_()
    d_logits[torch.arange(len(targets), device=targets.device), targets] -= 1 - smoothing
    if smoothing:
        d_logits -= smoothing / logits.shape[1]
    d_bias += d_logits.sum(0)
    logits.copy_(d_logits)
    return losses


def label_smoothed_nll(log_probs: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Label-smoothed losses (tokens,), from log-probabilities (tokens, vocabulary)."""
    losses = -(1 - smoothing) * log_probs.gather(1, targets.unsqueeze(1)).squeeze(1)
    return losses - smoothing * log_probs.mean(1) if smoothing else losses


def log_softmax(logits: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Log-probabilities of logits (..., vocabulary), in `dtype`, by default at least float32."""
    dtype = torch.promote_types(logits.dtype, torch.float32) if dtype is None else dtype
    needs_grad = torch.is_grad_enabled() and logits.requires_grad
    serves = logits.device.type == "cpu" and not needs_grad
    library = KERNEL.library(logits.dtype, dtype) if serves else None
    if library is None:
        return log_softmax_reference(logits, dtype)
    logits = logits.contiguous()
    log_probs = torch.empty_like(logits, dtype=dtype)
    columns = logits.shape[-1]
    rows = log_probs.numel() // max(1, columns)
    pointers = (logits.data_ptr(), log_probs.data_ptr())
    library.log_softmax(rows, columns, *pointers, torch.get_num_threads())
    return log_probs


def log_softmax_reference(logits: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """`log_softmax` in PyTorch."""
    dtype = torch.promote_types(logits.dtype, torch.float32) if dtype is None else dtype
    return logits.log_softmax(-1, dtype=dtype)
