"""Softmax: its logarithm, its cross-entropy and the derivative of that, in few goes."""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.resources import files

import torch
from torch import Tensor

from seqlstm.kernels.compiler import optional_program

TEXT = (files(__package__) / "softmax.c").read_text(encoding="utf-8")
TYPES = {torch.float32: "float", torch.float64: "double", torch.bfloat16: "bfloat16"}


def cross_entropy_with_grad(
    logits: Tensor, bias: Tensor, targets: Tensor, smoothing: float, d_bias: Tensor
) -> Tensor:
    """Put in place of logits (tokens, vocabulary) the derivative of their summed loss.

    On a CPU that compiles C it is one pass of machine code, else five of torch.

    Args:
        logits: without their bias, in bfloat16 or in the type of `d_bias`; contiguous.
        bias: of the logits, (vocabulary,).
        targets: (tokens,).
        smoothing: label smoothing, from 0 to 1.
        d_bias: to which the derivatives, summed over tokens, are added, (vocabulary,).

    Returns:
        The losses, (tokens,), in nats.
    """
    if logits.device.type == "cpu" and logits.dtype in TYPES and d_bias.dtype in TYPES:
        code = machine_code(TYPES[logits.dtype], TYPES[d_bias.dtype])
        if code is not None:
            return run(code, logits, bias, targets, smoothing, d_bias)
    chances = (logits + bias).log_softmax(-1, dtype=d_bias.dtype)
    losses = label_smoothed_nll(chances, targets, smoothing)
    error = chances.exp_()
    error[torch.arange(len(targets), device=targets.device), targets] -= 1 - smoothing
    if smoothing:
        error -= smoothing / logits.shape[1]
    d_bias += error.sum(0)
    logits.copy_(error)
    return losses


def log_softmax(logits: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Log-probabilities of logits (..., vocabulary), in this type, or in float32 or better."""
    dtype = torch.promote_types(logits.dtype, torch.float32) if dtype is None else dtype
    derives = torch.is_grad_enabled() and logits.requires_grad
    if logits.device.type == "cpu" and not derives and {logits.dtype, dtype} <= TYPES.keys():
        code = machine_code(TYPES[logits.dtype], TYPES[dtype])
        if code is not None:
            logits = logits.contiguous()
            chances = torch.empty_like(logits, dtype=dtype)
            columns = logits.shape[-1]
            rows = chances.numel() // max(1, columns)
            places = (logits.data_ptr(), chances.data_ptr())
            code.log_softmax(rows, columns, *places, torch.get_num_threads())
            return chances
    return logits.log_softmax(-1, dtype=dtype)


def label_smoothed_nll(chances: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """The losses (tokens,) of log-probabilities (tokens, vocabulary)."""
    losses = -(1 - smoothing) * chances.gather(1, targets.unsqueeze(1)).squeeze(1)
    return losses - smoothing * chances.mean(1) if smoothing else losses


def run(
    code: ctypes.CDLL,
    logits: Tensor,
    bias: Tensor,
    targets: Tensor,
    smoothing: float,
    d_bias: Tensor,
) -> Tensor:
    """`cross_entropy_with_grad` by softmax.c."""
    rows, columns = logits.shape
    assert logits.is_contiguous()
    assert targets.shape == (rows,)
    assert bias.shape == d_bias.shape == (columns,)
    targets = targets.long().contiguous()
    bias = bias.to(d_bias.dtype).contiguous()
    if rows and not 0 <= targets.min() <= targets.max() < columns:
        raise IndexError(f"a target must be in [0, {columns}), was: {targets.tolist()}")
    threads = max(1, min(torch.get_num_threads(), rows))
    powers = d_bias.new_empty(threads, columns)
    d_biases = d_bias.new_zeros(threads, columns)
    losses = d_bias.new_empty(rows)
    given = [one.data_ptr() for one in (logits, bias, targets)]
    made = [one.data_ptr() for one in (powers, d_biases, losses)]
    code.cross_entropy_with_grad(rows, columns, *given, smoothing, threads, *made)
    d_bias += d_biases.sum(0)
    return losses


@cache
def machine_code(logit: str, real: str) -> ctypes.CDLL | None:
    """softmax.c for these types; None where it cannot be compiled."""
    code = optional_program("softmax.c", TEXT, {"LOGIT": logit, "REAL": real})
    if code is None:
        return None
    count, place = ctypes.c_long, ctypes.c_void_p
    tensors = [place] * 3
    code.cross_entropy_with_grad.argtypes = [
        count,
        count,
        *tensors,
        ctypes.c_double,
        count,
        *tensors,
    ]
    code.log_softmax.argtypes = [count, count, place, place, count]
    code.cross_entropy_with_grad.restype = code.log_softmax.restype = None
    return code
