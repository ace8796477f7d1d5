"""A thread pool for models: its threads share torch's intra-op threads equally."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Task = TypeVar("Task")
Result = TypeVar("Result")


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
