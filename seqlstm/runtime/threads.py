"""The number of torch's threads, and a thread pool whose threads share them equally."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Task = TypeVar("Task")
Result = TypeVar("Result")


def available_cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_num_threads(threads: int) -> None:
    """Set the number of torch's threads, at most one a core; 0 leaves torch's default."""
    cores = available_cores()
    if threads > cores:
        warnings.warn(
            f"{cores} threads run, not {threads}, since this machine has so many cores: results "
            "may differ in the last bits",
            stacklevel=2,
        )
    if threads:
        torch.set_num_threads(min(threads, cores))


def map_in_threads(
    work: Callable[[Task], Result], tasks: Sequence[Task], *, at_once: int
) -> list[Result]:
    """Map tasks to results in parallel, in the order of the tasks.

    While one Python thread runs Python code, the others compute. And cores need not wait for each
    other at every small matrix product.

    Args:
        work: the function from a task to its result.
        tasks: the arguments of `work`.
        at_once: largest number of Python threads; never more than torch's threads or the tasks.
    """
    threads = torch.get_num_threads()
    at_once = min(at_once, threads, len(tasks))
    if at_once < 2:
        return list(map(work, tasks))
    share = threads // at_once
    pool = ThreadPoolExecutor(at_once, initializer=torch.set_num_threads, initargs=(share,))
    try:
        return list(pool.map(work, tasks))
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
