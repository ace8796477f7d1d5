"""Escaping of the character `▁` in texts, because SentencePiece writes a space as `▁`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from seqlstm.errors import TokenizerError

SPACE = "▁"
LINE_START = "\n"
ESCAPE = "\U0010fffd"  # The last private-use character, hardly ever used.
ESCAPES = {ESCAPE: ESCAPE + "=", SPACE: ESCAPE + "_"}

WORD = re.compile(f"{SPACE}[^{SPACE}]*|[^{SPACE}]+")


def escape(text: str) -> str:
    """`text` with `▁` escaped.

    Raises:
        TokenizerError: `text` has a lone surrogate.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code, context = ord(text[error.start]), text[max(0, error.start - 20) : error.end]
        raise TokenizerError(
            f"not Unicode text: a lone surrogate, U+{code:04X}, at character {error.start + 1}, "
            f"at the end of {context!a}",
            hint='Repair the text where it is read, as with errors="replace".',
        ) from error
    for character, escaped in ESCAPES.items():
        text = text.replace(character, escaped)
    return text


def restore(raw: str, *, previous: str | None) -> str:
    """The inverse of escaping: removes the space at line starts, restores spaces and escapes.

    Args:
        raw: the joined pieces, not cut inside an escape.
        previous: the raw character before `raw`, a newline at the start of a text; None if the
            model adds no space at line starts.
    """
    if previous is not None:
        raw = (previous + raw).replace(LINE_START + SPACE, LINE_START)[1:]
    raw = raw.replace(SPACE, " ")
    for character, escaped in reversed(ESCAPES.items()):
        raw = raw.replace(escaped, character)
    return raw


def word_splitter(
    pieces: Iterable[str], symbols: Collection[str] = ()
) -> Callable[[str], list[str]]:
    """A function that splits a text where no piece can cross: into words, or not at all.

    Args:
        pieces: those of the model without its user-defined symbols.
        symbols: user-defined symbols. They match before anything else, the longest first, as in
            SentencePiece, and are parts of their own.
    """
    crosses = any(re.search(f"[^{SPACE}]{SPACE}", piece) for piece in pieces)
    words = re.compile(".+" if crosses else f"{SPACE}*[^{SPACE}]+|{SPACE}+", re.DOTALL).findall
    if not symbols:
        return words
    find_first = re.compile(f"[{re.escape(''.join({symbol[0] for symbol in symbols}))}]").search
    sizes = sorted({len(symbol) for symbol in symbols}, reverse=True)

    def split_around_symbols(text: str) -> list[str]:
        parts: list[str] = []
        done = position = 0
        while match := find_first(text, position):
            start = position = match.start()
            found = next((size for size in sizes if text[start : start + size] in symbols), 0)
            if found:
                parts += [*words(text[done:start]), text[start : start + found]]
                done = start + found
            position += found or 1
        return parts + words(text[done:])

    return split_around_symbols
