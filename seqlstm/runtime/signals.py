"""Ctrl-C and SIGTERM: the first asks for a clean stop, the second stops at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

BOTH = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether somebody has asked the training to stop."""

    def __init__(self) -> None:
        self.signal: str | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


@contextmanager
def stop_on_signals(*numbers: signal.Signals) -> Iterator[StopRequest]:
    """Note SIGINT and SIGTERM, or those told, while inside. Only the main thread may enter."""
    request = StopRequest()

    def note(number: int, frame: FrameType | None) -> None:
        request.signal = signal.Signals(number).name
        # A second one of either kind means now.
        for one in old:
            signal.signal(one, signal.default_int_handler)

    old = {one: signal.getsignal(one) for one in numbers or BOTH}
    for one in old:
        signal.signal(one, note)
    try:
        yield request
    finally:
        for one, handler in old.items():
            signal.signal(one, handler)
