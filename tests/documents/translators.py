"""Functions in place of a trained translator."""

from __future__ import annotations

import re
from random import Random

from seqlstm.documents.document import Document
from seqlstm.documents.translation import Translate, translate_document

HOSTILE = (
    *(
        '"',
        "\\",
        "\\n",
        "<",
        ">",
        "&",
        "]]>",
        "&amp;",
        "{",
        "}",
        "%s",
        "<g1>",
        "</g1>",
        "<b>",
        "\t",
    ),
    *("\x00", "\x0b", "\x85", "\u2028", "\ufffe", "ﬁ", "𝄞", "", "#~", 'msgstr "x"', "-->", "\r"),
)


def in_capitals(lines: list[str]) -> list[str]:
    """A translator that knows tags and format strings: all other words in capital letters."""
    known = re.compile(r"(<[^<>]*>|%\(?\w+\)?|\{[^{}]*\}|&\w+;)|(\w+)")
    return [known.sub(lambda part: part[1] or part[2].upper(), line) for line in lines]


def without_marks(lines: list[str]) -> list[str]:
    """A translator that loses the marks of tags and format strings: capital letters."""
    return [re.sub(r"[<>{}%]", "", line).upper() for line in lines]


def hostile(random: Random) -> Translate:
    """A translator that adds and loses all that formats use."""

    def translate(lines: list[str]) -> list[str]:
        return [
            "".join(
                random.choice((*HOSTILE, line, line[::-1])) for _ in range(random.randint(0, 5))
            )
            for line in lines
        ]

    return translate


def translated(document: Document, translate: Translate = in_capitals) -> str:
    return translate_document(document, translate).data.decode(document.encoding)


def sources(document: Document) -> list[str]:
    return [segment.source for segment in document.segments]
