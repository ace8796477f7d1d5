"""Incremental decoding: text from ids that arrive one by one; returned text never changes."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from seqlstm.text.escaping import ESCAPE, LINE_START
from seqlstm.text.tokenizer import Tokenizer


class TextStream:
    """Decodes ids incrementally.

    For any ids, the texts of all `push` calls and of `flush`, joined, are `tokenizer.decode(ids)`.
    The stream holds back at most an unfinished UTF-8 sequence and one escape character, so the cost
    of `push` does not depend on the length of the text.

    Args:
        tokenizer: of the ids.
        context: ids before the stream, such as those of a prompt. Their text is not returned, only
            the text that the ids of the stream add to it.
    """

    def __init__(self, tokenizer: Tokenizer, context: Iterable[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._bytes = codecs.getincrementaldecoder("utf-8")("replace")
        self._previous = LINE_START
        self._escape = ""
        for id in context:
            self.push(id)

    def push(self, id: int) -> str:
        """The text that becomes final with this id; often "" within a multi-byte character."""
        return self._release(self._bytes.decode(self._tokenizer.surface(id)))

    def flush(self) -> str:
        """The rest of the text after the last id; an incomplete UTF-8 sequence becomes U+FFFD."""
        rest = self._release(self._bytes.decode(b"", final=True)) + self._escape
        self._escape = ""
        return rest

    def _release(self, raw: str) -> str:
        if not raw:
            return ""
        previous, self._previous = self._previous, raw[-1]
        raw = self._escape + raw
        # Hold back the first half of an escaped character until the second arrives.
        self._escape = ESCAPE if raw.endswith(ESCAPE) else ""
        return self._tokenizer.restore(raw.removesuffix(self._escape), previous=previous)


def decode_stream(text: TextStream, ids: Iterable[int]) -> Iterator[str]:
    """The text that ids add to a stream, in parts that are final."""
    for id in ids:
        if part := text.push(id):
            yield part
    if rest := text.flush():
        yield rest


def until_stop(parts: Iterator[str], stop: str) -> Iterator[str]:
    """The parts before the text `stop`; text that may be its beginning is held back."""
    text = ""
    for part in parts:
        text += part
        if (start := text.find(stop)) >= 0:
            yield text[:start]
            return
        safe = len(text) - overlap(text, stop)
        if safe:
            yield text[:safe]
            text = text[safe:]
    if text:
        yield text


def overlap(text: str, stop: str) -> int:
    """The length of the longest suffix of `text` that is a proper prefix of `stop`."""
    return next(
        (
            size
            for size in range(min(len(text), len(stop) - 1), 0, -1)
            if text.endswith(stop[:size])
        ),
        0,
    )
