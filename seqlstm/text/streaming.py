"""Ids arriving one by one -> text that will not change any more."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from seqlstm.text.escaping import ESCAPE, LINE_START
from seqlstm.text.tokenizer import Tokenizer


class TextStream:
    """Decodes ids as they come.

    For any ids, the texts that `push` returned and that of `flush`, joined, are
    `tokenizer.decode(ids)`. What waits between two pushes is at most an unfinished UTF-8 sequence
    of byte pieces and one escape character, so a push costs the same however long the text is.

    Args:
        tokenizer: whose ids these are.
        context: ids that came before, such as a prompt's. Their text is not returned again: the
            stream gives what `decode([*context, *ids])` adds to it.
    """

    def __init__(self, tokenizer: Tokenizer, context: Iterable[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._bytes = codecs.getincrementaldecoder("utf-8")("replace")
        self._previous = LINE_START
        self._held = ""
        for id in context:
            self.push(id)

    def push(self, id: int) -> str:
        """The text that is final now and was not before; often "" inside a character."""
        return self._release(self._bytes.decode(self._tokenizer.surface(id)))

    def flush(self) -> str:
        """The rest, when no more ids will come; a broken UTF-8 sequence becomes U+FFFD."""
        rest = self._release(self._bytes.decode(b"", final=True)) + self._held
        self._held = ""
        return rest

    def _release(self, raw: str) -> str:
        if not raw:
            return ""
        previous, self._previous = self._previous, raw[-1]
        raw = self._held + raw
        # The first half of an escaped character says nothing until its second half is there.
        self._held = ESCAPE if raw.endswith(ESCAPE) else ""
        return self._tokenizer.restore(raw.removesuffix(self._held), previous=previous)


def decode_stream(text: TextStream, ids: Iterable[int]) -> Iterator[str]:
    """What ids that come one by one add to a text, in parts that will not change."""
    for id in ids:
        if part := text.push(id):
            yield part
    if rest := text.flush():
        yield rest


def until_stop(parts: Iterator[str], stop: str) -> Iterator[str]:
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
