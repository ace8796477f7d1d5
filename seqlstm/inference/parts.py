"""A text that comes in parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seqlstm.text.stream import TextStream


def texts(text: TextStream, ids: Iterable[int]) -> Iterator[str]:
    """What ids that come one by one add to a text, in parts that will not change."""
    for id in ids:
        if part := text.push(id):
            yield part
    if rest := text.flush():
        yield rest


def until(parts: Iterator[str], stop: str) -> Iterator[str]:
    """The parts up to where `stop` begins; holds back what may be its beginning."""
    held = ""
    for part in parts:
        held += part
        if (place := held.find(stop)) >= 0:
            yield held[:place]
            return
        safe = len(held) - overlap(held, stop)
        if safe:
            yield held[:safe]
            held = held[safe:]
    if held:
        yield held


def overlap(text: str, stop: str) -> int:
    """How many of the last characters of `text` may be the first of `stop`."""
    return next(
        (
            size
            for size in range(min(len(text), len(stop) - 1), 0, -1)
            if text.endswith(stop[:size])
        ),
        0,
    )
