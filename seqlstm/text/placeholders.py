"""Placeholders: numbers, addresses, format strings and tags as numbered symbols, and back.

A translator that was trained with such symbols copies them; what they stand for is then put back
letter by letter. Each occurrence has a symbol of its own, also of a string that occurs twice.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from typing import NamedTuple

MAX_PLACEHOLDERS = 16
"""The number of symbols. A line with more strings to protect is translated as it is written."""

SYMBOLS = tuple(f"⟦{number}⟧" for number in range(1, MAX_PLACEHOLDERS + 1))
SYMBOL = re.compile("|".join(SYMBOLS))

LETTER = "A-Za-zªµºÀ-ÖØ-öø-ʯͰ-ϿЀ-ԯ_"  # a number beside one of these is part of a name
SEPARATOR = ".,:/'’\u00a0\u202f-"  # in numbers, times and dates
PRINTF = (  # %s, %(name)s, %1$s, %-5.2f, %ld, %*d; not in 50%discount
    r"%%|(?<!\d)%(?:\([^()\s]*+\)|\d++\$)?[-+#0]*+(?:\d++|\*)?(?:\.(?:\d++|\*))?"
    r"(?:hh|ll|[hlLqjzt])?[diouxXeEfFgGcrsapn@]"
)
NESTED = r"[^{}\n]*+"  # the content of braces, with braces up to six deep
for _ in range(5):
    NESTED = rf"(?:[^{{}}\n]++|\{{{NESTED}\}})*+"
ICU = "plural|selectordinal|select|number|date|time|spellout|ordinal|duration|choice|list"
BRACES = (
    rf"[$%#]\{{{NESTED}\}}",  # ${name}, %{name}, #{any * code}
    rf"\{{\{{{NESTED}\}}\}}",  # {{ user | upper }}
    rf"\{{\s*+\w++\s*+,\s*+(?:{ICU})\b{NESTED}\}}",  # {n, plural, one {# file} other {# files}}
    r"\{ ?[\\%$#@/\"][^{}\n]*+\}",  # {\an8}, { $name }, {% if x %}
    r"\{(?:\d++(?:,-?\d++)?:|\w++:%)[^{}\n]*+\}",  # {0:HH mm}, {when:%d %B}
    r"\{ ?[^\s{}]*+ ?\}",  # {}, {0}, { user.name }, {x!r:>8}; not {see below}
)
BOOLEAN = (  # attributes without a value; <see below> is no tag
    "allowfullscreen|async|autofocus|autoplay|checked|controls|default|defer|disabled|download|"
    "hidden|inert|ismap|loop|multiple|muted|nomodule|novalidate|open|playsinline|readonly|required|"
    "reversed|selected|[a-z]++-[a-z-]++"
)
KINDS = {
    "symbol": SYMBOL.pattern,  # of a line that has one already
    "url": r"(?<![A-Za-z])(?:(?:https?|ftp)://|www\.)[^\s<>\"]*[^\s<>\".,;:!?'()\[\]{}]",
    "mail": r"(?<![\w.+%-])[\w.+%-]++@\w+(?:[.-]\w+)*\.[A-Za-z]{2,}",
    "format": "|".join((PRINTF, *BRACES)),
    "entity": r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});",
    "tag": rf"</?[A-Za-z][\w:.-]*+(?:\s[^<>=]*+=[^<>]*+|(?:\s++(?:{BOOLEAN})(?![\w-]))*+\s*+/?)>",
    # A search never begins inside of a run of digits and separators: the time stays linear.
    "number": rf"(?<![{LETTER}\d])(?<!\d[{SEPARATOR}])\d++(?:[{SEPARATOR}]\d++)*+(?![{LETTER}])",
}
"""The strings that a translation has unchanged, by kind; no pattern has groups of its own."""
PROTECTED = re.compile("|".join(f"(?:{pattern})" for pattern in KINDS.values()))


class ProtectedLine(NamedTuple):
    """A line with symbols instead of its protected strings.

    Attributes:
        text: the line with symbols.
        strings: what each of its symbols stands for.
    """

    text: str
    strings: dict[str, str]

    def restore(self, translation: str) -> str | None:
        """The translation with the strings; None unless each symbol is there exactly once."""
        if sorted(SYMBOL.findall(translation)) != sorted(self.strings):
            return None
        return SYMBOL.sub(lambda match: self.strings[match[0]], translation)


def protect(line: str) -> ProtectedLine | None:
    """The line with its first string as `⟦1⟧`, and so on; None if it has too many strings."""
    found = PROTECTED.findall(line)
    if len(found) > MAX_PLACEHOLDERS:
        return None
    symbols = iter(SYMBOLS)
    text = PROTECTED.sub(lambda _: next(symbols), line)
    return ProtectedLine(text, dict(zip(SYMBOLS, found, strict=False)))


def protect_pair(source: str, target: str, generator: random.Random) -> tuple[str, str] | None:
    """A pair with symbols for the strings that occur equally often on both sides.

    The numbers of the symbols are random, in the order of the source: all symbols are trained, low
    ones, which most lines have, more often. The occurrences of a string have the same symbols on
    both sides, in their order.

    Returns:
        The pair with symbols; None if it has no such strings, or too many, or symbols already.
    """
    if SYMBOL.search(source) or SYMBOL.search(target):
        return None
    counts, others = (Counter(PROTECTED.findall(side)) for side in (source, target))
    shared = {string: count for string, count in counts.items() if others[string] == count}
    total = sum(shared.values())
    if not 0 < total <= MAX_PLACEHOLDERS:
        return None
    highest = generator.randint(total, MAX_PLACEHOLDERS)
    numbers = iter(sorted(generator.sample(range(highest), total)))
    symbols: defaultdict[str, list[str]] = defaultdict(list)
    for string in PROTECTED.findall(source):
        if string in shared:
            symbols[string].append(SYMBOLS[next(numbers)])
    return replace_strings(source, symbols), replace_strings(target, symbols)


def replace_strings(line: str, symbols: dict[str, list[str]]) -> str:
    """The line with the next symbol of its string in the place of each string."""
    remaining = {string: iter(names) for string, names in symbols.items()}
    return PROTECTED.sub(
        lambda match: next(remaining[match[0]]) if match[0] in remaining else match[0], line
    )
