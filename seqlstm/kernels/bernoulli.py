"""Biased coins: what decides what is dropped, and what stays."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import torch
from torch import Tensor

from seqlstm.kernels.compiler import optional_program

TEXT = (files(__package__) / "bernoulli.c").read_text(encoding="utf-8")
BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
BLOCK = 256  # coins of one block of the program


def bernoulli(like: Tensor, shape: Sequence[int], share: float, value: float) -> Tensor:
    """`value` with a probability `share` below 1, else zero; of the type of `like`.

    On a CPU the share is rounded to the 16 bits that a coin takes, and torch's generator gives no
    more than a seed: it draws one after the other on one thread. The program and its
    transcription, for machines without a compiler, toss the same coins.
    """
    dtype = like.dtype
    if like.device.type != "cpu":
        return (torch.rand(shape, device=like.device) < share).to(dtype) * value
    limit = min(round(share * 2**16), 2**16 - 1)
    seed = int(torch.empty((), dtype=torch.int64).random_(-(2**63), None))
    code = machine_code()
    if code is None:
        kept = numbers(math.prod(shape), seed) < limit
        return kept.to(dtype).mul_(value).view(shape)
    values = torch.empty(shape, dtype=dtype)
    bits = int(torch.tensor(value, dtype=dtype).view(BITS[dtype.itemsize]))
    threads = max(1, min(torch.get_num_threads(), values.numel() // BLOCK))
    run = getattr(code, f"bernoulli_{8 * dtype.itemsize}")
    run(values.numel(), seed, limit, bits, threads, values.data_ptr())
    return values


def numbers(count: int, seed: int) -> Tensor:
    """The numbers below 2¹⁶ that decide, by SplitMix64 (Steele, Lea & Flood, 2014)."""
    z = torch.arange(1, count // 4 + 2).mul_(signed(0x9E3779B97F4A7C15)).add_(seed)
    z = (z ^ shifted(z, 30)).mul_(signed(0xBF58476D1CE4E5B9))
    z = (z ^ shifted(z, 27)).mul_(signed(0x94D049BB133111EB))
    z = z ^ shifted(z, 31)
    parts = torch.stack([z & 0xFFFF, *(shifted(z, bits) & 0xFFFF for bits in (16, 32, 48))], -1)
    return parts.flatten()[:count]


def signed(number: int) -> int:
    """The signed number of the same 64 bits."""
    return number - (number >> 63 << 64)


def shifted(words: Tensor, bits: int) -> Tensor:
    """Words to the right, with zeros from the left."""
    return (words >> bits) & ((1 << (64 - bits)) - 1)


@cache
def machine_code() -> ctypes.CDLL | None:
    """bernoulli.c; None where it cannot be compiled."""
    code = optional_program("bernoulli.c", TEXT, {})
    if code is None:
        return None
    for size in BITS:
        run = getattr(code, f"bernoulli_{8 * size}")
        count, bits = ctypes.c_long, ctypes.c_int64
        run.argtypes = [count, bits, ctypes.c_int32, bits, count, ctypes.c_void_p]
        run.restype = None
    return code
