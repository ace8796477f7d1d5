"""The runs of a sweep one after the other in this process, or several at once in others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from types import FrameType

import torch

from seqlstm.errors import TrainingError, UserError
from seqlstm.runtime.signals import StopRequest
from seqlstm.sweep.job import Outcome, carry_out
from seqlstm.sweep.plan import Job

Outcomes = Generator[Outcome, None, None]
LOOK_EVERY = 0.2  # seconds between two looks at whether somebody wants us to stop
HELD = (signal.SIGINT, signal.SIGTERM)


def carry_out_all(jobs: list[Job], *, at_once: int, stop: StopRequest) -> Outcomes:
    """Every run's outcome, as it comes; the cores are shared among those that run at once.

    Asked to stop, the runs under way save and stop, and no other begins.

    Raises:
        UserError: from a run, of a kind that no other would do better; those under way are saved.
    """
    cores = torch.get_num_threads()
    if at_once == 1:
        return (carry_out(job, threads=cores, stop=stop) for job in jobs)
    return in_processes(jobs, at_once=at_once, threads=max(1, cores // at_once), stop=stop)


def in_processes(jobs: list[Job], *, at_once: int, threads: int, stop: StopRequest) -> Outcomes:
    context = multiprocessing.get_context("spawn")
    told = context.Event()
    with ProcessPoolExecutor(
        at_once, mp_context=context, initializer=begin_worker, initargs=(told,)
    ) as pool:
        with signals_held():  # each job may start a process
            waiting = {pool.submit(in_worker, job, threads) for job in jobs}
        try:
            while waiting:
                if stop and not told.is_set():
                    told.set()
                    waiting = {future for future in waiting if not future.cancel()}
                done, waiting = wait(waiting, LOOK_EVERY, FIRST_COMPLETED)
                yield from outcomes(done, stop)
        except (KeyboardInterrupt, GeneratorExit):  # a second Ctrl-C: at once
            for child in multiprocessing.active_children():
                child.kill()
            raise
        finally:
            told.set()
            pool.shutdown(cancel_futures=True)  # waits: who only now starts must still find `told`


def outcomes(done: set[Future[Outcome]], stop: StopRequest) -> Iterator[Outcome]:
    """Of runs that are done. Processes that were ended along with us have nothing to tell."""
    try:
        yield from (future.result() for future in done)
    except BrokenProcessPool:
        if not stop:
            raise TrainingError(
                "a process that trained a run has died; perhaps the memory was full",
                hint="The same command goes on, perhaps with fewer --jobs.",
            ) from None


@contextmanager
def signals_held() -> Iterator[None]:
    """Hold back what asks to stop; processes that start meanwhile do so until they are ready."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Told(StopRequest):
    """The request of the process that started this one."""

    def __init__(self, told: Event) -> None:
        self.told = told
        self.signal = signal.SIGINT.name

    def __bool__(self) -> bool:
        return self.told.is_set()


busy = threading.Lock()
stop_here = StopRequest()


def begin_worker(told: Event) -> None:
    """Prepare a process that trains: signals are for the one that started it, which tells it."""
    global stop_here
    stop_here = Told(told)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end_soon)
    threading.Thread(target=outlive_nobody, args=(told,), daemon=True).start()
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)


def end_soon(number: int, frame: FrameType | None) -> None:
    """SIGTERM, from a person or from a pool that has lost another process: no run is cut off."""
    threading.Thread(target=end_idle, daemon=True).start()


def outlive_nobody(told: Event) -> None:
    """End this process, once its run is saved, if the one that started it was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    told.set()
    end_idle()


def end_idle() -> None:
    """End this process between two runs."""
    with busy:
        os._exit(1)


def in_worker(job: Job, threads: int) -> Outcome:
    with busy:
        try:
            return carry_out(job, threads=threads, stop=stop_here)
        except UserError as error:  # as one whose arguments survive the way to another process
            plain = UserError(error.message, hint=error.hint)
            plain.title = error.title
            raise plain from None
