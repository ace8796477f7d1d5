"""Splits and sides in the names of files, such as "train" and "en" in `train.en.txt`.

A side is a name of a recipe's `pair`. Names are parts of a path between dots, hyphens, underscores,
spaces and slashes; lower and upper case are the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePath

from seqlstm.data.sources.plain_text import COMPRESSED
from seqlstm.data.sources.splits import ALIASES
from seqlstm.errors import DataError

DIRECTIONS = (("source", "target"), ("src", "tgt"), ("src", "trg"))
"""Names of two sides that state which one is the source."""

_DESCRIPTION = re.compile(
    r"(readme|licen[cs]e|copying|changelog|makefile)([^\w].*)?", re.IGNORECASE
)
_BEGIN, _END = r"(?<![^\W_])", r"(?![^\W_])"  # the ends of a name: no letter or digit beside it


def describes_data(path: PurePath) -> bool:
    """Whether a file is called like a description of the data beside it, such as `license.txt`."""
    return _DESCRIPTION.fullmatch(path.name) is not None


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
    text = re.sub(r"\.txt$", "", _uncompressed(path), flags=re.IGNORECASE)
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


def order_sides(
    files: Mapping[str, Sequence[Path]],
    pair: tuple[str, str],
    notes: list[str],
    *,
    order_given: bool,
) -> dict[str, Sequence[Path]]:
    """Two parallel files a split, in the order of `pair` by their names.

    Args:
        files: of each split; where they are not two, they stay as they are.
        pair: source and target.
        notes: gets a line for each choice that a name does not state in full.
        order_given: whether a person listed the files; then their order counts where no name is
            one of `pair`.

    Raises:
        DataError: both files of a split name the same side, or none names one and no order is
            given; or names turn the order in one split round and do not state it in another.
    """
    ordered: dict[str, Sequence[Path]] = {}
    turned, unnamed = [], []
    for split, paths in files.items():
        ordered[split] = paths
        if len(paths) != 2:
            continue
        sides = _sides(paths, pair)
        if sides == [None, None] and not order_given:
            raise DataError(
                f"The names of {paths[0]} and {paths[1]} do not state which one is {pair[0]} and "
                f"which one is {pair[1]}.",
                hint=f"Rename them, such as {split}.{pair[0]} and {split}.{pair[1]}, or list them "
                f'in this order: source = {{ {split} = ["…", "…"] }}',
            )
        if sides[0] is not None and sides[0] == sides[1]:
            raise DataError(
                f"{paths[0]} and {paths[1]} are both {sides[0]} by their names.",
                hint=f"One must be {pair[0]} and one {pair[1]}: rename a file, or data.pair.",
            )
        if sides[0] == pair[1] or sides[1] == pair[0]:
            turned.append(split)
            ordered[split] = paths[::-1]
        if sides == [None, None]:
            unnamed.append(split)
        if None in sides:
            first, second = ordered[split]
            how = "in the order given" if sides == [None, None] else "by one name"
            notes.append(f"sides of {split}, {how}: {pair[0]} = {first}, {pair[1]} = {second}")
    if turned and unnamed:
        raise DataError(
            f"The names of the files of {turned[0]} state the sides {pair[0]} and {pair[1]}; those "
            f"of {unnamed[0]} do not, and their order cannot be trusted.",
            hint=f"List the files of every split in the order {pair[0]}, {pair[1]}.",
        )
    return ordered


def refuse_sides(files: Mapping[str, Sequence[Path]], name: str) -> None:
    """Raise a DataError if the text of a split has several sides, which one text must not mix.

    Args:
        files: of each split.
        name: of the source, for the message.
    """
    for split, paths in files.items():
        sides = find_sides(_from_common_folder(paths))
        if len(sides) > 1:
            raise DataError(
                f"{name} has text of {' and '.join(sides)} in the split {split}.",
                hint="Unpack or download it, and name the files of one: "
                f'source = {{ {split} = "…" }}',
            )


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
    path = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    return str(path).replace("\\", "/")


def _sides(paths: Sequence[Path], pair: Sequence[str]) -> list[str | None]:
    return [side_of(path, pair) for path in _from_common_folder(paths)]


def _from_common_folder(paths: Sequence[Path]) -> list[Path]:
    """The paths below the innermost folder of them all; folders above it name no side."""
    common = os.path.commonpath([path.absolute().parent for path in paths])
    return [path.absolute().relative_to(common) for path in paths]
