"""A thread pool for models: tasks in parallel, each with a share of torch's threads."""

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

    Each Python thread has an equal share of torch's threads: while one runs Python code the others
    compute, and cores need not wait for each other at every small product.

    Args:
        work: from a task to its result.
        tasks: its arguments.
        at_once: number of Python threads, at most torch's threads and the number of tasks.
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
