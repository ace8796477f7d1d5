"""Properties of a text that a language model may track: quotes, brackets, positions in lines.

A property is a function from a text to a list of numbers: its value after each character. Unclosed
quotes and brackets end with their paragraph, at a blank line.
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
    return indicator(text, DOUBLE)


def single_quotes(text: str) -> list[float]:
    return indicator(text, SINGLE)


def comment(text: str) -> list[float]:
    return indicator(text, COMMENT)


def brackets(text: str) -> list[float]:
    """Depth of open brackets; a closing bracket without its opening one is ignored."""
    values: list[float] = []
    for start, end in paragraphs(text):
        open_brackets: list[str] = []
        for character in text[start:end]:
            if character in BRACKETS:
                open_brackets.append(BRACKETS[character])
            elif open_brackets and character == open_brackets[-1]:
                open_brackets.pop()
            values.append(len(open_brackets))
    return values


def line(text: str) -> list[float]:
    """Characters since the line began."""
    return positions(text, r"[^\n]+")


def word(text: str) -> list[float]:
    """Characters since the word began."""
    return positions(text, r"\w+")


def indent(text: str) -> list[float]:
    """Blanks before the line's first word, up to the current character."""
    values = [0.0] * len(text)
    for match in re.finditer(r"^([ \t]+)[^\n]*", text, re.MULTILINE):
        start, width = match.start(), len(match[1])
        for index in range(start, match.end()):
            values[index] = min(index - start + 1, width)
    return values


class Property(NamedTuple):
    """A property: its meaning in words, and its value at every character."""

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


def indicator(text: str, pattern: re.Pattern[str]) -> list[float]:
    """1 in the last matched group of each match, 0 elsewhere."""
    values = [0.0] * len(text)
    for match in pattern.finditer(text):
        for index in range(*match.span(match.lastindex or 0)):
            values[index] = 1.0
    return values


def positions(text: str, pattern: str) -> list[float]:
    """1, 2, 3, … along each match, 0 elsewhere."""
    values = [0.0] * len(text)
    for match in re.finditer(pattern, text):
        for index in range(*match.span()):
            values[index] = index - match.start() + 1
    return values


def paragraphs(text: str) -> list[tuple[int, int]]:
    """Start and end of every paragraph, without gaps."""
    starts = [0, *(match.start() for match in re.finditer(BLANK, text))]
    return list(zip(starts, chain(starts[1:], [len(text)]), strict=True))
