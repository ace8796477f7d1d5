"""Texts with inline elements, out of XML and back into it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from seqlstm.documents.document import Segment
from seqlstm.documents.xml import Token, XmlReader

ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
FOLDED = re.compile(r"(?<=\S)[ \t]*\n\s*(?=\S)")
SHORT_TAG = re.compile(r"(</?g+\d+/?>)")
PAIRED_TAG = re.compile(r"</?g+\d+>")
MID = re.compile(r"""\smid\s*=\s*["']([^"']*)""")
ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})

Piece: TypeAlias = tuple[str, str | None, bool]
"""A text; or a short tag with its XML, and whether it separates sentences.

The name of short tags is "\\0" as yet, which no XML contains.
"""


@dataclass(frozen=True)
class Content:
    """What is between the tags of an element.

    Attributes:
        opening: the element's start tag.
        closing: its end tag.
        text: with a short tag, such as `<g1>`, for each tag of an inline element.
        codes: the XML of each short tag.
        breaks: short tags that separate sentences.
    """

    opening: Token
    closing: Token
    text: str
    codes: Mapping[str, str]
    breaks: frozenset[str]

    @property
    def is_empty(self) -> bool:
        """Whether there is no text and no code, apart from tags around nothing."""
        return not PAIRED_TAG.sub("", self.text).strip()


@dataclass(frozen=True)
class ContentReader:
    """Reads texts with inline elements.

    Args:
        xml: the file.
        has_text: whether the content of an inline element is text; others are kept whole.
        is_break: whether an inline element is a sentence of its own.
    """

    xml: XmlReader
    has_text: Callable[[Token], bool]
    is_break: Callable[[Token], bool]

    def read(self, opening: Token, *, fold: bool) -> Content:
        """Read the current element to its end.

        Args:
            opening: its start tag.
            fold: whether line ends inside the text, with the indentation after them, are spaces.
        """
        pieces, closing = self.pieces()
        text = "".join(text for text, _, _ in pieces)
        text = FOLDED.sub(" ", text) if fold else text
        name = unused_name(text)
        tags = [
            (tag.replace("\0", name), code, is_break)
            for tag, code, is_break in pieces
            if code is not None
        ]
        return Content(
            opening,
            closing,
            text.replace("\0", name),
            {tag: code for tag, code, _ in tags},
            frozenset(tag for tag, _, is_break in tags if is_break),
        )

    def pieces(self) -> tuple[list[Piece], Token]:
        """The texts and tags up to the end tag of the current element, and that end tag."""
        found: list[Piece] = []
        elements: list[tuple[int, Token]] = []  # that are open
        count = 0
        for token in self.xml.tokens:
            if token.kind == "text":
                found.append((token.text, None, False))
            elif token.kind == "start":
                count += 1
                if self.has_text(token):
                    elements.append((count, token))
                    found.append(self.piece(f"<\0{count}>", token, token.end, token))
                else:
                    end = self.xml.skip().end
                    found.append(self.piece(f"<\0{count}/>", token, end, token))
            elif token.kind == "end":
                if not elements:
                    break
                number, element = elements.pop()
                found.append(self.piece(f"</\0{number}>", token, token.end, element))
        return found, token

    def piece(self, tag: str, start: Token, end: int, element: Token) -> Piece:
        return tag, self.xml.raw(start.start, end), self.is_break(element)


def unused_name(text: str) -> str:
    """A name for short tags that the text has not itself: g, gg, and so on."""
    name = "g"
    while re.search(f"</?{name}", text):
        name += "g"
    return name


def completed(xml: XmlReader, source: Content, target: Content) -> Content | None:
    """A source with the target's own sentences, each as one code, where it has them.

    None if the target lacks no sentence, or if its sentences are not those of the source.
    """
    parts, places = cut(source)
    own_parts, own_places = cut(target)
    if places.keys() != own_places.keys():
        return None
    codes, is_lacking = dict(source.codes), False
    for mid, place in places.items():
        own = own_parts[own_places[mid]]
        if own.strip():
            code = parts[place - 1].replace(">", "/>")
            codes[code] = rendered(own, target.codes, newline=xml.newline)
            parts[place] = code
        elif parts[place].strip():
            is_lacking = True
    return replace(source, text="".join(parts), codes=codes) if is_lacking else None


def cut(content: Content) -> tuple[list[str], dict[str, int]]:
    """A text cut at the tags of its sentences, and the place of each sentence by its `mid`."""
    tags = "|".join(sorted(content.breaks))
    parts = re.split(f"({tags})", content.text) if tags else [content.text]
    marks = (
        (place, MID.search(content.codes[parts[place - 1]])) for place in range(2, len(parts), 2)
    )
    return parts, {mid[1]: place for place, mid in marks if mid}


def inserted(xml: XmlReader, source: Content, at: int, before: str, after: str) -> Segment:
    """The segment of a source whose translation is inserted, with XML before and after it."""
    return replaced(xml, source, at, at, before=before, after=after)


def filled(xml: XmlReader, source: Content, target: Content) -> Segment:
    """The segment of a source whose translation becomes the content of a target."""
    opening = target.opening
    if target.closing.end > opening.end:
        return replaced(xml, source, opening.end, target.closing.start)
    start = opening.end - len("/>".encode(xml.encoding))  # of <target/>
    return replaced(xml, source, start, opening.end, before=">", after=f"</{opening.name}>")


def replaced(
    xml: XmlReader, source: Content, start: int, end: int, *, before: str = "", after: str = ""
) -> Segment:
    """The segment of a source whose translation replaces some bytes of the file."""
    render = partial(rendered, codes=source.codes, before=before, after=after, newline=xml.newline)
    return Segment(source.text, start, end, render, source.breaks)


def rendered(
    text: str, codes: Mapping[str, str], *, before: str = "", after: str = "", newline: str
) -> str:
    """A translation as XML: short tags as what they stand for, other text escaped."""
    parts = SHORT_TAG.split(text)
    inner = (codes[part] if part in codes else escaped(part, newline) for part in parts)
    return before + "".join(inner) + after


def escaped(text: str, newline: str) -> str:
    """A text for XML; what XML cannot contain becomes U+FFFD."""
    text = ILLEGAL.sub("\ufffd", text).translate(ESCAPES)
    return text.replace("\n", newline)
