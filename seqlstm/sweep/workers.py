"""Run a sweep's jobs: one after the other in this process, or in parallel worker processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from types import FrameType

import torch

from seqlstm.errors import TrainingError, UserError
from seqlstm.runtime.signals import StopRequest
from seqlstm.runtime.threads import available_cores
from seqlstm.sweep.job import Outcome, run_job
from seqlstm.sweep.plan import Job

Outcomes = Generator[Outcome, None, None]
POLL_SECONDS = 0.2  # between two checks of the stop request
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_all(jobs: list[Job], *, at_once: int, stop: StopRequest) -> Outcomes:
    """Outcomes of all jobs in the order of their end; parallel jobs share the cores.

    There are at most as many at once as cores.

    After a stop request the active runs save and stop, and no other starts.

    Raises:
        UserError: from a run, a mistake that all runs would meet; the active runs are saved.
    """
    cores = torch.get_num_threads()
    if at_once > (most := available_cores()):
        warnings.warn(f"{most} runs at once, not {at_once}: one a core", stacklevel=2)
        at_once = most
    if at_once == 1:
        return (run_job(job, threads=cores, stop=stop) for job in jobs)
    return in_processes(jobs, at_once=at_once, threads=max(1, cores // at_once), stop=stop)


def in_processes(jobs: list[Job], *, at_once: int, threads: int, stop: StopRequest) -> Outcomes:
    """Outcomes of jobs in worker processes, in the order of their end."""
    context = multiprocessing.get_context("spawn")
    stop_event = context.Event()
    with ProcessPoolExecutor(
        at_once, mp_context=context, initializer=begin_worker, initargs=(stop_event,)
    ) as pool:
        with blocked_signals():  # each job may start a process
            pending = {pool.submit(in_worker, job, threads) for job in jobs}
        try:
            while pending:
                if stop and not stop_event.is_set():
                    stop_event.set()
                    pending = {future for future in pending if not future.cancel()}
                done, pending = wait(pending, POLL_SECONDS, FIRST_COMPLETED)
                yield from outcomes(done, stop)
        except (KeyboardInterrupt, GeneratorExit):  # a second Ctrl-C: at once
            for child in multiprocessing.active_children():
                child.kill()
            raise
        finally:
            stop_event.set()
            pool.shutdown(cancel_futures=True)  # waits: a starting worker still needs `stop_event`


def outcomes(done: set[Future[Outcome]], stop: StopRequest) -> Iterator[Outcome]:
    """Outcomes of finished jobs; workers killed together with this process are ignored."""
    try:
        yield from (future.result() for future in done)
    except BrokenProcessPool:
        if not stop:
            raise TrainingError(
                "a process that trained a run was killed; perhaps the memory was full",
                hint="The same command continues; try fewer --jobs.",
            ) from None


@contextmanager
def blocked_signals() -> Iterator[None]:
    """Block the stop signals, also in processes that start here, until these are ready."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class ParentStopRequest(StopRequest):
    """The stop request of the parent process."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.signal = signal.SIGINT.name

    def __bool__(self) -> bool:
        return self.event.is_set()


busy = threading.Lock()
worker_stop = StopRequest()


def begin_worker(stop_event: Event) -> None:
    """Prepare a worker process: only the parent handles signals, and passes on a stop request."""
    global worker_stop
    worker_stop = ParentStopRequest(stop_event)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end_soon)
    threading.Thread(target=end_with_parent, args=(stop_event,), daemon=True).start()
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def end_soon(number: int, frame: FrameType | None) -> None:
    """Handle SIGTERM, from a person or from a broken pool: end after the current run."""
    threading.Thread(target=end_idle, daemon=True).start()


def end_with_parent(stop_event: Event) -> None:
    """End this process, after its run is saved, when the parent was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    stop_event.set()
    end_idle()


def end_idle() -> None:
    """End this process when no run is active."""
    with busy:
        os._exit(1)


def in_worker(job: Job, threads: int) -> Outcome:
    """Run a job in a worker process."""
    with busy:
        try:
            return run_job(job, threads=threads, stop=worker_stop)
        except UserError as error:  # of a class that can be pickled
            plain = UserError(error.message, hint=error.hint)
            plain.title = error.title
            raise plain from None
