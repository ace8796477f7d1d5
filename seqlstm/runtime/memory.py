"""Threads, the memory allocator and the garbage collector, tuned for training on a CPU."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
from functools import cache

import torch


def set_num_threads(threads: int) -> None:
    """Set the number of torch's threads; 0 leaves torch's default."""
    if threads:
        torch.set_num_threads(threads)


def tune_allocator() -> None:
    """Tune memory for training on a CPU; call it before torch makes its first tensor.

    - glibc keeps freed blocks for the next step: returning them to the kernel costs page faults.
    - Large tensors use huge pages, where Linux has them.
    - oneDNN caches code for 128 sizes instead of 1,024: batches of text rarely repeat a size.
    - Garbage collection skips torch's own objects, which cost a tenth of a second each time.
    """
    freeze_garbage_collector()
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
    if glibc := loaded_glibc():
        trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD in malloc.h
        glibc.mallopt(trim_threshold, 2**30)
        # Older versions refuse an mmap threshold above 32 MB.
        glibc.mallopt(mmap_threshold, 2**30) or glibc.mallopt(mmap_threshold, 2**25)


@cache
def freeze_garbage_collector() -> None:
    """`gc.freeze()`: exclude existing objects from garbage collection."""
    gc.collect()
    gc.freeze()


def release_memory() -> None:
    """Return glibc's free memory to the kernel, to limit fragmentation."""
    if glibc := loaded_glibc():
        glibc.malloc_trim(0)


@cache
def loaded_glibc() -> ctypes.CDLL | None:
    """The process's C library, if it is glibc."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
