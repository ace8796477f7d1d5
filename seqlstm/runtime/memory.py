"""Memory and threads of the process: what makes training fast on a CPU."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
from functools import cache

import torch


def set_num_threads(threads: int) -> None:
    """How many cores torch may use; 0 leaves it all of them."""
    if threads:
        torch.set_num_threads(threads)


def tune_allocator() -> None:
    """Have glibc keep what torch frees, rather than give it back to the kernel after every step.

    A training step frees and asks for the same large blocks again; each return costs page faults.
    Elsewhere than on glibc that stays so. And large tensors lie in huge pages, where Linux has
    them: torch reads that wish when it makes its first tensor. But oneDNN, which makes code for
    every new size and keeps that of 1,024, keeps less: batches of text hardly ever have a size
    again. And Python no longer looks through all that torch is made of whenever it looks for
    cycles, which takes a tenth of a second.
    """
    freeze_garbage_collector()
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
    if glibc := loaded_glibc():
        trim_threshold, mmap_threshold = -1, -3  # of malloc.h
        glibc.mallopt(trim_threshold, 2**30)
        # Older versions refuse more than 32 MB.
        glibc.mallopt(mmap_threshold, 2**30) or glibc.mallopt(mmap_threshold, 2**25)


@cache
def freeze_garbage_collector() -> None:
    """What lives by now lives for good."""
    gc.collect()
    gc.freeze()


def release_memory() -> None:
    """Have glibc give the kernel what is free now: what lies in pieces is put together anew."""
    if glibc := loaded_glibc():
        glibc.malloc_trim(0)


@cache
def loaded_glibc() -> ctypes.CDLL | None:
    """The process' C library, where that is glibc."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
