"""What holds at a place in a text, and what a network may have to remember to know it.

Each property is a function from a text to one number a character: what holds once that character
has been read. Quotes and brackets that nobody closes end with their paragraph, at a blank line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain
from typing import NamedTuple

BLANK = r"\n[ \t\r]*\n"
DOUBLE = re.compile(
    "|".join(
        rf"({opens}(?:(?!{BLANK})[^{closes}])*){closes}?" for opens, closes in ('""', "“”", "«»")
    )
)
# An apostrophe stands after a letter, or has no partner.
SINGLE = re.compile(
    "|".join(
        rf"(?<!\w)({opens}(?=\S)(?:(?!{BLANK}).)*?(?<=\S)){closes}(?!\w)"
        for opens, closes in ("''", "‘’")
    ),
    re.DOTALL,
)
COMMENT = re.compile(r"((?<!\S)(?:#|//)[^\n]*)|(/\*.*?(?:\*(?=/)|\Z))/?", re.DOTALL)
BRACKETS = {"(": ")", "[": "]", "{": "}"}


def double_quotes(text: str) -> list[float]:
    return inside(text, DOUBLE)


def single_quotes(text: str) -> list[float]:
    return inside(text, SINGLE)


def comment(text: str) -> list[float]:
    return inside(text, COMMENT)


def brackets(text: str) -> list[float]:
    """How many are open; one that closes no other is none."""
    values: list[float] = []
    for start, end in paragraphs(text):
        awaited: list[str] = []
        for character in text[start:end]:
            if character in BRACKETS:
                awaited.append(BRACKETS[character])
            elif awaited and character == awaited[-1]:
                awaited.pop()
            values.append(len(awaited))
    return values


def line(text: str) -> list[float]:
    """Characters since the line began."""
    return counted(text, r"[^\n]+")


def word(text: str) -> list[float]:
    """Characters since the word began."""
    return counted(text, r"\w+")


def indent(text: str) -> list[float]:
    """Blanks before the line's first word, or those that came so far."""
    values = [0.0] * len(text)
    for found in re.finditer(r"^([ \t]+)[^\n]*", text, re.MULTILINE):
        first, width = found.start(), len(found[1])
        for place in range(first, found.end()):
            values[place] = min(place - first + 1, width)
    return values


class Property(NamedTuple):
    """What it means, in words, and its value at every character."""

    meaning: str
    values: Callable[[str], list[float]]


PROPERTIES: dict[str, Property] = {
    "double-quotes": Property("inside double quotes", double_quotes),
    "single-quotes": Property("inside single quotes", single_quotes),
    "brackets": Property("depth of brackets", brackets),
    "line": Property("characters since the line began", line),
    "word": Property("characters since the word began", word),
    "indent": Property("blanks before the line's first word", indent),
    "comment": Property("inside a comment: #, // or /* */", comment),
}


def inside(text: str, pattern: re.Pattern[str]) -> list[float]:
    """1 in the group that took part in each match, 0 elsewhere."""
    values = [0.0] * len(text)
    for found in pattern.finditer(text):
        for place in range(*found.span(found.lastindex or 0)):
            values[place] = 1.0
    return values


def counted(text: str, pattern: str) -> list[float]:
    """1, 2, 3, … along each match, 0 elsewhere."""
    values = [0.0] * len(text)
    for found in re.finditer(pattern, text):
        for place in range(*found.span()):
            values[place] = place - found.start() + 1
    return values


def paragraphs(text: str) -> list[tuple[int, int]]:
    """Where each begins and ends; together they are the text."""
    starts = [0, *(found.start() for found in re.finditer(BLANK, text))]
    return list(zip(starts, chain(starts[1:], [len(text)]), strict=True))
