"""The memory allocator and the garbage collector, tuned for training on a CPU; limits of memory."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch


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


def memory_limit(device: torch.device) -> int:
    """The bytes that this process can use on a device: of a GPU all; else see `host_memory`."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return host_memory()


def host_memory() -> int:
    """The machine's memory in bytes; less, where this process or its control group has a limit."""
    limits = [*control_group_limits(), address_space_limit()]
    with suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min((limit for limit in limits if limit > 0), default=sys.maxsize)


def address_space_limit() -> int:
    """The limit of `ulimit -v` in bytes, RLIMIT_AS; 0 for none."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return 0 if limit == resource.RLIM_INFINITY else limit


def control_group_limits(root: Path = Path("/sys/fs/cgroup")) -> Iterator[int]:
    """The memory limits in bytes of this process's control groups, of version 1 and 2."""
    inside = [Path()]
    with suppress(OSError, UnicodeDecodeError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            group = Path(line.split(":", 2)[-1].lstrip("/"))
            inside += [group, *group.parents]
    for folder in {base / group for base in (root, root / "memory") for group in inside}:
        for name in ("memory.max", "memory.limit_in_bytes"):
            with suppress(OSError, ValueError):  # missing, or "max"
                yield int((folder / name).read_text(encoding="ascii"))
