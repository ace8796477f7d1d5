from __future__ import annotations

import signal

import pytest

from seqlstm.runtime.signals import stop_on_signals

SIGNALS = [signal.SIGINT, signal.SIGTERM]


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in SIGNALS]


@pytest.mark.parametrize("first", SIGNALS)
@pytest.mark.parametrize("second", SIGNALS)
def test_the_first_signal_requests_a_stop_and_the_second_interrupts(
    first: signal.Signals, second: signal.Signals
) -> None:
    before = handlers()
    with stop_on_signals() as stop:
        assert not stop
        signal.raise_signal(first)
        assert stop
        assert stop.signal == first.name
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(second)
    assert handlers() == before


def test_handlers_are_restored_without_any_signal() -> None:
    before = handlers()
    with stop_on_signals() as stop:
        assert handlers() != before
    assert not stop
    assert handlers() == before
