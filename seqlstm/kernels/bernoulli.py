"""Bernoulli masks: a C kernel, and a PyTorch reference with the same bits."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from seqlstm.kernels.compiler import LONG, POINTER, Kernel

SIGNATURE = ([LONG, ctypes.c_int64, ctypes.c_int32, ctypes.c_int64, LONG, POINTER], None)
KERNEL = Kernel("bernoulli.c", {f"bernoulli_{bits}": SIGNATURE for bits in (16, 32, 64)})
INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
BLOCK = 256  # samples of a block in the C program


def bernoulli(like: Tensor, shape: Sequence[int], probability: float, value: float) -> Tensor:
    """Bernoulli samples: `value` with this probability (below 1), else zero.

    They have the type and device of `like`. On a CPU the probability is rounded to 16 bits, and
    torch's generator provides only a seed, since it would sample on one thread.
    """
    library = KERNEL.library() if like.device.type == "cpu" else None
    if library is None:
        return bernoulli_reference(like, shape, probability, value)
    dtype = like.dtype
    seed = random_seed()
    values = torch.empty(shape, dtype=dtype)
    bits = int(torch.tensor(value, dtype=dtype).view(INTEGERS[dtype.itemsize]))
    threads = max(1, min(torch.get_num_threads(), values.numel() // BLOCK))
    run = getattr(library, f"bernoulli_{8 * dtype.itemsize}")
    run(values.numel(), seed, threshold(probability), bits, threads, values.data_ptr())
    return values


def bernoulli_reference(
    like: Tensor, shape: Sequence[int], probability: float, value: float
) -> Tensor:
    """`bernoulli` in PyTorch; on a CPU with the same bits."""
    if like.device.type != "cpu":
        return (torch.rand(shape, device=like.device) < probability).to(like.dtype) * value
    mask = random_uint16(math.prod(shape), random_seed()) < threshold(probability)
    return mask.to(like.dtype).mul_(value).view(shape)


def random_seed() -> int:
    """A seed of 64 bits from torch's generator."""
    return int(torch.empty((), dtype=torch.int64).random_(-(2**63), None))


def threshold(probability: float) -> int:
    """The number of 16-bit integers that stand for a success."""
    return min(round(probability * 2**16), 2**16 - 1)


def random_uint16(count: int, seed: int) -> Tensor:
    """Random integers below 2¹⁶ by SplitMix64 (Steele, Lea & Flood, 2014), four from a word."""
    z = torch.arange(1, count // 4 + 2).mul_(signed(0x9E3779B97F4A7C15)).add_(seed)
    z = (z ^ shift_right(z, 30)).mul_(signed(0xBF58476D1CE4E5B9))
    z = (z ^ shift_right(z, 27)).mul_(signed(0x94D049BB133111EB))
    z = z ^ shift_right(z, 31)
    parts = [z & 0xFFFF, *(shift_right(z, bits) & 0xFFFF for bits in (16, 32, 48))]
    return torch.stack(parts, -1).flatten()[:count]


def signed(number: int) -> int:
    """The signed integer with the same 64 bits."""
    return number - (number >> 63 << 64)


def shift_right(words: Tensor, bits: int) -> Tensor:
    """The logical right shift, which fills with zeros."""
    return (words >> bits) & ((1 << (64 - bits)) - 1)
