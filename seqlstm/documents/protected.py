"""Parts of a text that its translation must have unchanged: tags, format strings, addresses."""

from __future__ import annotations

import re
from collections import Counter

from seqlstm.text.placeholders import KINDS

KEPT = ("url", "mail", "format", "entity", "tag")  # numbers may be written in another way
PROTECTED = re.compile("|".join(f"(?:{KINDS[kind]})" for kind in KEPT))
TAG = re.compile(rf"(?=<(/?)([A-Za-z][\w:.-]*+)){KINDS['tag']}")
EDGE = re.compile(r"(?:\s|\{\\[^{}]*\}|<[A-Za-z][^<>]*/>)*")
MAX_EDGES = 8  # nested pairs of tags around a sentence


def survive(source: str, translation: str) -> bool:
    """Whether a translation has the protected parts of its source, each as often, tags in order.

    Pairs of tags may move, if they stay nested. Tags without content keep their order: one of them
    may open what another one closes, as `<bpt>` and `<ept>` do.
    """
    before, after = PROTECTED.findall(source), PROTECTED.findall(translation)
    return (
        Counter(before) == Counter(after)
        and [part for part in before if part.endswith("/>")]
        == [part for part in after if part.endswith("/>")]
        and unmatched_tags(source) == unmatched_tags(translation)
    )


def unmatched_tags(text: str) -> list[tuple[str, str]]:
    """The opening and closing tags that are left when matching ones cancel each other.

    A text in XML stays well-formed when a part of it is replaced by one with equal unmatched tags.
    """
    left: list[tuple[str, str]] = []
    for tag in TAG.finditer(text):
        slash, name = tag.groups()
        if tag[0].endswith("/>"):
            continue
        if slash and left and left[-1] == ("", name):
            left.pop()
        else:
            left.append((slash, name))
    return left


def split_edges(text: str) -> tuple[str, str, str]:
    """White space and tags before a sentence, the sentence, and white space and tags after it."""
    before, after = "", ""
    for _ in range(MAX_EDGES):
        edge = EDGE.match(text)
        start = edge.end() if edge else 0
        end = max(start, len(text.rstrip()))
        before, text, after = before + text[:start], text[start:end], text[end:] + after
        first, last = TAG.match(text), text.rfind("<")
        if not first or first[1] or text[last:] != f"</{first[2]}>":
            break
        if unmatched_tags(text[first.end() : last]):
            break
        before, after = before + first[0], text[last:] + after
        text = text[first.end() : last]
    return before, text, after


def has_words(text: str) -> bool:
    """Whether there is a letter or a digit outside the protected parts."""
    return any(character.isalnum() for character in PROTECTED.sub("", text))
