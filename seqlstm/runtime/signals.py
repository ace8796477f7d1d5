"""Ctrl-C and SIGTERM: the first requests a clean stop, the second stops at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

BOTH = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether a signal has requested a stop."""

    def __init__(self) -> None:
        self.signal: str | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


@contextmanager
def stop_on_signals(*numbers: signal.Signals) -> Iterator[StopRequest]:
    """Catch these signals, SIGINT and SIGTERM by default, while inside; in the main thread only."""
    request = StopRequest()

    def note(received: int, frame: FrameType | None) -> None:
        request.signal = signal.Signals(received).name
        # A second signal stops at once.
        for number in old:
            signal.signal(number, signal.default_int_handler)

    old = {number: signal.getsignal(number) for number in numbers or BOTH}
    for number in old:
        signal.signal(number, note)
    try:
        yield request
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
