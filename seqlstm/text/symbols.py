"""Symbols that a tokenizer never splits: which texts can be one, and the matches of patterns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from seqlstm.errors import TokenizerError
from seqlstm.text.escaping import ESCAPE, SPACE
from seqlstm.text.model_type import BYTES, SPECIAL_IDS, ModelType, Normalization

RESERVED = {"<pad>", "<unknown>", "<s>", "</s>"}
BYTE = re.compile("<0x[0-9A-F]{2}>")
REFUSED = {"\n": "a newline", "\0": "a null", SPACE: SPACE, ESCAPE: "U+10FFFD"}
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
MATCHES_SHARE = 4
"""Matches take at most this part of the vocabulary without special ids, bytes and `keep`."""


class Matches(NamedTuple):
    """The matches of patterns in a text.

    Attributes:
        symbols: the most frequent that can be symbols.
        found: number of different matches.
        unusable: those that cannot be symbols, the most frequent first.
    """

    symbols: list[str]
    found: int
    unusable: list[str]

    def note(self) -> str:
        """What became of the matches, in a line."""
        note = f"{len(self.symbols):,} of {self.found:,} matches of keep_patterns are symbols"
        if not self.unusable:
            return note
        example = f"{self.unusable[0]!r}: {symbol_problem(self.unusable[0])}"
        return f"{note}; {len(self.unusable):,} cannot be ({example})"


def symbol_problem(symbol: str) -> str | None:
    """Why a text cannot be a symbol of its own; None if it can."""
    if not symbol:
        return "it is empty"
    if symbol != symbol.strip():
        return "it begins or ends with white space"
    for character, name in REFUSED.items():
        if character in symbol:
            return f"it has {name} in it"
    if symbol in RESERVED or BYTE.fullmatch(symbol):
        return "it is the name of a special piece"
    return "it is not Unicode text" if LONE_SURROGATE.search(symbol) else None


def pattern_problem(pattern: str) -> str | None:
    """Why a regular expression cannot be searched for; None if it can."""
    try:
        empty = re.compile(pattern).fullmatch("")
    except re.error as error:
        return f"not a regular expression: {error}"
    return "it also matches an empty text" if empty else None


def setting_problem(
    model_type: ModelType, normalization: Normalization, *, spaces: bool
) -> str | None:
    """Why a tokenizer with these settings cannot keep symbols; None if it can.

    Args:
        model_type: of the tokenizer.
        normalization: its rule.
        spaces: whether a symbol has spaces in it.
    """
    if model_type == "word":
        return "a tokenizer of words splits at white space only: it cannot keep other symbols whole"
    if spaces and normalization != "identity":
        return f'a symbol with a space needs normalization = "identity", not "{normalization}"'
    return None


def find_matches(
    lines: Iterable[str], patterns: Sequence[str], *, limit: int, normalization: Normalization
) -> Matches:
    """The different matches of patterns in a text, the most frequent `limit` of them as symbols."""
    search = [re.compile(pattern) for pattern in patterns]
    counts = Counter(
        match[0] for line in lines for pattern in search for match in pattern.finditer(line)
    )
    counts.pop("", None)
    by_frequency = sorted(counts, key=lambda match: (-counts[match], match))
    usable = [
        match
        for match in by_frequency
        if symbol_problem(match) is None
        and setting_problem("unigram", normalization, spaces=" " in match) is None
    ]
    unusable = {*by_frequency} - {*usable}
    return Matches(
        usable[:limit], len(by_frequency), [match for match in by_frequency if match in unusable]
    )


def as_pieces(
    symbols: Iterable[str], *, model_type: ModelType, normalization: Normalization
) -> list[str]:
    """Symbols as SentencePiece names them, each once.

    Raises:
        TokenizerError: one of them cannot be a symbol of such a tokenizer.
    """
    distinct = list(dict.fromkeys(symbols))
    for symbol in distinct:
        problem = symbol_problem(symbol) or setting_problem(
            model_type, normalization, spaces=" " in symbol
        )
        if problem:
            raise TokenizerError(f"{symbol!r} cannot be a symbol that is never split: {problem}")
    return [symbol.replace(" ", SPACE) for symbol in distinct]


def symbols_to_keep(
    lines: Iterable[str],
    *,
    keep: Sequence[str],
    patterns: Sequence[str],
    vocab_size: int,
    normalization: Normalization,
) -> tuple[list[str], str]:
    """The symbols of `keep` and the matches of patterns; and a note on the matches, or "".

    Args:
        lines: the text in which the patterns are searched.
        keep: symbols.
        patterns: regular expressions.
        vocab_size: number of ids; matches take at most a quarter of what special ids, bytes and
            `keep` leave.
        normalization: of the tokenizer; with any but identity, no match with a space is a symbol.
    """
    if not patterns:
        return list(keep), ""
    limit = max(0, vocab_size - SPECIAL_IDS - BYTES - len(keep)) // MATCHES_SHARE
    matches = find_matches(lines, patterns, limit=limit, normalization=normalization)
    return [*keep, *matches.symbols], matches.note()
