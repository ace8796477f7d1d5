"""The thread pool: order of results, torch's threads, and errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from seqlstm.runtime.threads import map_in_threads


@pytest.fixture(autouse=True)
def threads() -> Iterator[int]:
    """torch has four threads, also after each test: in this thread and in a new one."""
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield 4
    counts = [torch.get_num_threads()]
    thread = threading.Thread(target=lambda: counts.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert counts == [4, 4]
    torch.set_num_threads(before)


@pytest.mark.parametrize("at_once", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_results_are_in_the_order_of_the_tasks(at_once: int, count: int) -> None:
    tasks = list(range(count))
    assert map_in_threads(lambda task: task**2, tasks, at_once=at_once) == [n**2 for n in tasks]


@pytest.mark.parametrize(("at_once", "share"), [(1, 4), (2, 2), (3, 1), (4, 1), (8, 1)])
def test_torchs_threads_are_shared(at_once: int, share: int) -> None:
    shares = map_in_threads(lambda _: torch.get_num_threads(), range(9), at_once=at_once)
    assert shares == [share] * 9


def test_tasks_run_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=30)
    map_in_threads(
        lambda _: both.wait(), range(4), at_once=2
    )  # one thread alone would wait for ever


def test_one_thread_or_one_task_runs_in_the_calling_thread() -> None:
    names = map_in_threads(lambda _: threading.current_thread().name, [1], at_once=2)
    torch.set_num_threads(1)
    names += map_in_threads(lambda _: threading.current_thread().name, [1, 2], at_once=2)
    torch.set_num_threads(4)
    assert set(names) == {threading.current_thread().name}


def test_an_error_is_raised() -> None:
    def work(task: int) -> None:
        if task == 3:
            raise ValueError("not three")

    with pytest.raises(ValueError, match="three"):
        map_in_threads(work, range(9), at_once=2)
