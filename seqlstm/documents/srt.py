"""SRT subtitles: the text of every cue."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import partial

from seqlstm.documents.document import Document, Segment, Utf8Lines, no_document

TIME = re.compile(r"\s*(?:\d+:)?\d+:\d+[,.]\d+\s*-->\s*(?:\d+:)?\d+:\d+[,.]\d+(?:\s.*)?", re.DOTALL)
NUMBER = re.compile(r"\s*\d+\s*")
# What separates two lines of one sentence; tags that end with a line and begin with the next too.
JOINT = re.compile(
    r"(?:</(?P<tag>\w+)>)?(?:(?<![ \t])[ \t]+)?\r?\n[ \t]*(?(tag)<(?P=tag)\b[^<>]*>)"
)
CODE = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
WORD = re.compile(r"(?:<[^<>]*>|\{\\[^{}]*\}|\S)+")
# A line of another speaker, or of a song: a sentence of its own.
OWN = re.compile(r"(?:\s|\{\\[^{}]*\}|<[^<>]*>)*[-–—♪♫#]")


def read(data: bytes, name: str) -> Document:
    """The texts of all cues; their numbers and times are kept.

    Lines of a cue are one sentence, written on as many lines again, unless a line begins with a
    dash or a note.

    Args:
        data: the whole file.
        name: of the file, for messages.

    Raises:
        DataError: the file has no cue, or is not UTF-8.
    """
    file = Utf8Lines(data, name)
    times = [number for number, line in enumerate(file.lines) if TIME.fullmatch(line)]
    if not times and data.strip():
        raise no_document(name, 1, "there is no cue with a time such as 00:00:01,000 -->", "SRT")
    segments = []
    for time, following in zip(times, [*times[1:], len(file.lines)], strict=False):
        numbered = following < len(file.lines) and NUMBER.fullmatch(file.lines[following - 1])
        for first, last in sentences(file.lines, time + 1, following - bool(numbered)):
            text = "".join(file.lines[first:last]).rstrip("\r\n")
            start = file.offsets[first]
            joints = [joint[0] for joint in JOINT.finditer(text)]
            source = JOINT.sub(" ", text)
            render = partial(wrapped, joint=joints[0] if joints else "", count=last - first)
            segments.append(Segment(source, start, start + len(text.encode()), render))
    return Document(data, segments)


def sentences(lines: list[str], first: int, last: int) -> Iterator[tuple[int, int]]:
    """The first line of each sentence of a cue, and the line after its last one."""
    start = first
    for number in range(first, last + 1):
        blank = number == last or not lines[number].strip()
        if blank or OWN.match(lines[number]):
            if start < number:
                yield from joined(lines, start, number)
            start = number + blank


def joined(lines: list[str], first: int, last: int) -> Iterator[tuple[int, int]]:
    """Some lines as one sentence if they are joined in one way, or else each as its own."""
    joints = {joint[0] for joint in JOINT.finditer("".join(lines[first:last]).rstrip("\r\n"))}
    if len(joints) <= 1:
        yield first, last
    else:
        yield from ((number, number + 1) for number in range(first, last))


def wrapped(text: str, *, joint: str, count: int) -> str:
    """A text on at most `count` lines of like length."""
    words = WORD.findall(text)
    if count == 1 or not words:
        return text
    before, after = text[: text.index(words[0])], text[len(text.rstrip()) :]
    widths = range(max(map(width, words)), width(" ".join(words)) + 1)
    narrowest = bisect_left(widths, True, key=lambda most: len(filled_lines(words, most)) <= count)
    return before + joint.join(filled_lines(words, widths[narrowest])) + after


def filled_lines(words: list[str], most: int) -> list[str]:
    """Words on lines of at most `most` characters."""
    lines: list[list[str]] = []
    room = -1
    for word in words:
        room -= 1 + width(word)
        if room < 0:
            lines.append([])
            room = most - width(word)
        lines[-1].append(word)
    return [" ".join(line) for line in lines]


def width(text: str) -> int:
    """The number of characters that are visible."""
    return len(CODE.sub("", text))
