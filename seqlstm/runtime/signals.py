"""Clean stops on Ctrl-C and SIGTERM: a first signal requests a stop, a second one interrupts."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any
from weakref import WeakSet

DEFAULT_SIGNALS = (signal.SIGINT, signal.SIGTERM)

LOCKS: WeakSet[Any] = WeakSet()
"""The `FolderLock`s of this process, released even where a signal ends it at once."""


class TerminatedError(BaseException):
    """SIGTERM, raised where the command is; like KeyboardInterrupt it is no `Exception`."""


class StopRequest:
    """Whether a stop has been requested, and the name of the signal that did it."""

    def __init__(self) -> None:
        self.signal: str | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


@contextmanager
def stop_on_signals(*numbers: signal.Signals) -> Iterator[StopRequest]:
    """While inside, turn SIGINT and SIGTERM, or other signals, into a stop request.

    It works in the main thread only.
    """
    request = StopRequest()

    def handle(received: int, frame: FrameType | None) -> None:
        request.signal = signal.Signals(received).name
        # A second signal raises KeyboardInterrupt.
        for number in previous:
            signal.signal(number, signal.default_int_handler)

    previous = {number: signal.getsignal(number) for number in numbers or DEFAULT_SIGNALS}
    for number in previous:
        signal.signal(number, handle)
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
