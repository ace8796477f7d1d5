"""Batches that are translated at the same time."""

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
    """The results of all tasks, in their order, some of which are at work at the same time.

    Each is on a thread of Python's own, with an equal share of torch's threads: while one needs
    Python the others compute, and no core waits at every small product for the slowest.

    Args:
        work: from a task to its result.
        tasks: what to do.
        at_once: tasks at the same time; fewer, if torch has fewer threads or there are fewer tasks.
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
