"""Translation with placeholders: protected strings as numbered symbols, copied back after it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from seqlstm.inference.line_batches import Translation
from seqlstm.inference.terminology import Terminology
from seqlstm.text.placeholders import MAX_PLACEHOLDERS, ProtectedLine, protect

Search = Callable[[Sequence[str], Terminology], list[list[Translation]]]
"""`search(lines, terminology)`: the translations of each line, best first."""

NAMED_LINES = 10  # in a warning


class PlaceholderWarning(UserWarning):
    """Lines that were translated as they are written, without placeholders.

    Args:
        message: the warning.
        count: number of lines.
    """

    def __init__(self, message: str, count: int) -> None:
        super().__init__(message)
        self.count = count


def translate_protected(
    lines: Sequence[str],
    terminology: Terminology,
    search: Search,
    *,
    symbols: Mapping[str, int],
    max_length: int | None,
    first: int,
) -> list[list[Translation]]:
    """The translations of each line in which each protected string stands exactly once.

    A line without such a translation, or with too many strings, is translated as it is written,
    and a warning names it.

    Args:
        lines: raw text.
        terminology: of the lines.
        search: the search.
        symbols: the target's ids of the numbered symbols.
        max_length: maximum tokens of a translation; None for no limit.
        first: number of the first line in the whole text, from 0.
    """
    needed = terminology.needed_tokens()
    protected = {
        row: line
        for row, line in enumerate(map(protect, lines))
        if line and (max_length is None or needed[row] + len(line.strings) <= max_length)
    }
    ids, rows = list(symbols.values()), list(protected)
    allowed = [[symbols[symbol] for symbol in protected[row].strings] for row in rows]
    found = search(
        [protected[row].text for row in rows], terminology.select(rows).with_symbols(ids, allowed)
    )
    translations = {
        row: restored
        for row, several in zip(rows, found, strict=True)
        if (restored := restore(protected[row], several))
    }
    if left := [row for row in range(len(lines)) if row not in translations]:
        warn_of(left, first)
        as_written = terminology.select(left).with_symbols(ids)
        found = search([lines[row] for row in left], as_written)
        translations.update(zip(left, found, strict=True))
    return [translations[row] for row in range(len(lines))]


def restore(line: ProtectedLine, translations: Sequence[Translation]) -> list[Translation]:
    """The translations with the line's strings; without those that lack or repeat a symbol."""
    texts = [line.restore(translation.text) for translation in translations]
    return [
        replace(translation, text=text)
        for translation, text in zip(translations, texts, strict=True)
        if text is not None
    ]


def warn_of(rows: Sequence[int], first: int) -> None:
    """Name the lines that are translated without placeholders."""
    numbers = ", ".join(str(first + row + 1) for row in rows[:NAMED_LINES])
    more = f" and {len(rows) - NAMED_LINES:,} more" if len(rows) > NAMED_LINES else ""
    message = (
        f"line{'s' if len(rows) > 1 else ''} {numbers}{more}: translated as written, without "
        f"placeholders: not each of them came out exactly once, or there are more than "
        f"{MAX_PLACEHOLDERS}"
    )
    warnings.warn(PlaceholderWarning(message, len(rows)), stacklevel=2)
