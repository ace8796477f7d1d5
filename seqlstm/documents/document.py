"""A document as bytes, and the places in it where translations go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from seqlstm.errors import DataError
from seqlstm.runtime.text_input import not_utf8, without_mark


@dataclass(frozen=True)
class Segment:
    """A text to translate, and the bytes that its translation replaces.

    Attributes:
        source: the text; inline elements in it are short tags, such as `<g1>`.
        start: offset of the first byte that is replaced.
        end: offset of the byte after the last one; equal to `start` where text is inserted.
        render: makes what is written from a translation of `source`.
        breaks: short tags at which a sentence ends in any case.
    """

    source: str
    start: int
    end: int
    render: Callable[[str], str]
    breaks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Document:
    """A document whose segments can be translated.

    Attributes:
        data: the whole file.
        segments: those that need a translation, in the order of the file.
        kept: number of segments that have a translation already, or must not be translated.
        encoding: of the file.
        languages: codes of the source and target language; empty where it states none.
        warnings: what a person should know before other programs read the translated document.
    """

    data: bytes
    segments: Sequence[Segment]
    kept: int = 0
    encoding: str = "utf-8"
    languages: tuple[str, str] = ("", "")
    warnings: Sequence[str] = field(default=())

    def write(self, translations: Sequence[str]) -> bytes:
        """The file with translations, one for each segment; all other bytes stay as they are."""
        parts, position = [], 0
        for segment, translation in zip(self.segments, translations, strict=True):
            # Only XML may be in an encoding that lacks characters, and it has references for them.
            text = segment.render(translation).encode(self.encoding, "xmlcharrefreplace")
            parts += [self.data[position : segment.start], text]
            position = segment.end
        return b"".join([*parts, self.data[position:]])


class Utf8Lines:
    """The lines of a UTF-8 file with their ends and their offsets in bytes.

    Args:
        data: the whole file.
        name: of the file, for messages.

    Raises:
        DataError: the file is not UTF-8.
    """

    def __init__(self, data: bytes, name: str) -> None:
        try:
            text = without_mark(data, name).decode("utf-8")
        except UnicodeDecodeError as error:
            number = error.object.count(b"\n", 0, error.start) + 1
            raise not_utf8(name, number, error.object[error.start]) from None
        self.lines = text.split("\n")
        self.lines[:-1] = [f"{line}\n" for line in self.lines[:-1]]
        self.first = len(data) - len(without_mark(data, name))

    @cached_property
    def offsets(self) -> list[int]:
        """The offset of each line, and that of the end of the file."""
        offsets = [self.first]
        for line in self.lines:
            offsets.append(offsets[-1] + len(line.encode()))
        return offsets


def no_document(name: str, line: int, problem: str, format: str) -> DataError:
    """The error for a file that does not have the format."""
    return DataError(
        f"{name}, line {line}: {problem}, so this is no {format} document.",
        hint="Correct the document, or translate it line by line with --format text.",
    )
