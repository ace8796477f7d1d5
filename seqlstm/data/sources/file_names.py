"""Splits and sides in the names of files, such as "train" and "en" in `train.en.txt`.

A side is a name of a recipe's `pair`. Names are parts of a path between dots, hyphens, underscores,
spaces and slashes; lower and upper case are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import PurePath

from seqlstm.data.sources.plain_text import COMPRESSED
from seqlstm.data.sources.splits import ALIASES

DIRECTIONS = (("source", "target"), ("src", "tgt"), ("src", "trg"))
"""Names of two sides that state which one is the source."""

_BEGIN, _END = r"(?<![^\W_])", r"(?![^\W_])"  # the ends of a name: no letter or digit beside it


def split_of(path: PurePath) -> str | None:
    """The split that a relative path names: "train", "validation" or "test".

    The first folder that names one counts, then the name of the file. None if none is named, or if
    one part names two.
    """
    for part in path.parts:
        words = set(re.split(r"[-._ 0-9]+", part.casefold()))
        if splits := [aliases[0] for aliases in ALIASES if words & {*aliases}]:
            return splits[0] if len(splits) == 1 else None
    return None


def side_of(path: PurePath, sides: Sequence[str]) -> str | None:
    """The one side that a path names; None for none or several.

    A direction such as the first part of `en-de.en` names no side. Of a nested column, such as
    "translation.en", the last part is enough.
    """
    text = _uncompressed(path)
    found = {
        side
        for side in sides
        for name in _names(side)
        for match in _pattern(sides, name).finditer(text)
        if match["side"]
    }
    return found.pop() if len(found) == 1 else None


def without_side(path: PurePath, side: str, sides: Sequence[str]) -> str:
    """The path without its side, compression and ".txt", as one name: "train" for `en/train.txt`.

    Files that differ in nothing else belong together.
    """
    text = re.sub(r"\.txt$", "", _uncompressed(path))
    for name in _names(side):
        text = _pattern(sides, name).sub(lambda match: match[0] if match["pair"] else "\0", text)
    text = re.sub(r"[-._ /]*\0[-._ /]*|/", ".", text)
    return re.sub(r"\.{2,}", ".", text).strip(".")


def find_sides(paths: Iterable[PurePath]) -> list[str]:
    """Names in which files differ that else are called the same: languages, or any suffixes.

    Returns:
        The names: of a known direction in its order, else in alphabetical order.
    """
    paths = list(paths)
    for separators in (r"[./]", r"[-._ /]+"):
        groups: dict[tuple[str, ...], set[str]] = {}
        for path in paths:
            words = re.split(separators, _uncompressed(path))
            for index, word in enumerate(words):
                last = index == len(words) - 1 and word.casefold() != "txt" and index > 0
                if is_side(word) or (last and not _is_split_or_number(word)):
                    key = (*words[:index], "\0", *words[index + 1 :])
                    groups.setdefault(key, set()).add(word)
        differing = [words for words in groups.values() if len(words) > 1]
        known = [words for words in differing if all(map(is_side, words))]
        if sides := set[str]().union(*(known or differing)):
            return in_known_direction(sides) or sorted(sides)
    return []


def is_side(word: str) -> bool:
    """Whether a word is a language (its code or English name), or a side of a known direction."""
    word = word.casefold()
    codes, names = _languages()
    primary = re.split("[-_]", word)[0]
    return primary in codes or word in names or any(word in pair for pair in DIRECTIONS)


def is_reversed(name: str, pair: Sequence[str]) -> bool:
    """Whether the name of a file states the other direction: `train.de-en.tsv` for en, de."""
    one, other = map(re.escape, pair)
    forward, backward = (
        re.search(f"{_BEGIN}{source}[-_]{target}{_END}", name, re.IGNORECASE)
        for source, target in ((one, other), (other, one))
    )
    return backward is not None and forward is None


def in_known_direction(sides: Iterable[str]) -> list[str] | None:
    """Two sides, the source first; None if their names do not state it."""
    by_name = {side.rpartition(".")[2].casefold(): side for side in sides}
    for pair in DIRECTIONS:
        if by_name.keys() == {*pair}:
            return [by_name[name] for name in pair]
    return None


@cache
def _languages() -> tuple[frozenset[str], frozenset[str]]:
    from babel import Locale

    languages = Locale("en").languages
    codes = (code for code in languages if code.isalpha())
    return frozenset(codes), frozenset(name.casefold() for name in languages.values())


def _is_split_or_number(word: str) -> bool:
    return word.isdigit() or split_of(PurePath(word)) is not None


def _pattern(sides: Sequence[str], name: str) -> re.Pattern[str]:
    """A direction, such as "en-de", as the group `pair`; or a name alone as the group `side`."""
    names = [re.escape(last) for side in sides for last in _names(side)[-1:]]
    pair = "|".join(f"{a}[-_]{b}" for a in names for b in names if a != b) or r"(?!)"
    return re.compile(
        f"{_BEGIN}(?:(?P<pair>{pair})|(?P<side>{re.escape(name)})){_END}", re.IGNORECASE
    )


def _names(side: str) -> list[str]:
    return list(dict.fromkeys([side, side.rpartition(".")[2]]))


def _uncompressed(path: PurePath) -> str:
    return str(path.with_suffix("") if path.suffix in COMPRESSED else path).replace("\\", "/")
