"""XML as tokens that know their bytes in the file."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

from seqlstm.errors import DataError

CHUNK = 2**16  # bytes that are parsed at once
INDENT = 400  # bytes before a tag in which its indentation is looked for
NO_ATTRIBUTES: dict[str, str] = {}
DECLARED = re.compile(rb"""<\?xml[^>]*?\bencoding\s*=\s*["']([\w.-]+)["']""", re.ASCII)


@dataclass
class Token:
    """A tag, a text or something else, from `start` to `end` in the bytes of the file."""

    kind: str  # start, end, text or other
    name: str  # of the element, with its prefix
    attributes: dict[str, str]
    text: str
    line: int
    start: int
    end: int = -1

    @property
    def prefix(self) -> str:
        return self.name[: -len(self.local)]

    @property
    def local(self) -> str:
        return self.name.rpartition(":")[2]


class XmlReader:
    """Reads an XML file token by token.

    Args:
        data: the whole file.
        name: of the file, for messages.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name = data, name
        self.encoding = encoding_of(data)
        self.newline = "\r\n" if "\r\n".encode(self.encoding) in data else "\n"
        self.tokens = self._read()
        self.position = 0  # offset after the last token that was read
        self._found: list[Token] = []
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = lambda name: self._add("end", name)
        self._parser.CharacterDataHandler = lambda text: self._add("text", text=text)
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.DefaultHandler = self._other

    def _read(self) -> Iterator[Token]:
        """The tokens of the file.

        Raises:
            DataError: the file is not well-formed, defines entities, or has an unknown encoding.
        """
        try:
            for start in range(0, len(self.data), CHUNK):
                self._parser.Parse(self.data[start : start + CHUNK], False)
                yield from self._passed(self._found[:-1])  # the end of the last is not known yet
                del self._found[:-1]
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise self.error(expat.ErrorString(error.code), error.lineno) from None
        except (LookupError, ValueError) as error:  # an encoding that expat does not read
            raise self.error(str(error)) from None
        if self._found:
            self._found[-1].end = len(self.data)
        yield from self._passed(self._found)

    def _passed(self, tokens: list[Token]) -> Iterator[Token]:
        for token in tokens:
            self.position = token.end
            yield token

    def _add(
        self,
        kind: str,
        name: str = "",
        *,
        attributes: dict[str, str] = NO_ATTRIBUTES,
        text: str = "",
    ) -> None:
        start = self._parser.CurrentByteIndex
        if self._found:
            self._found[-1].end = start
        line = self._parser.CurrentLineNumber
        self._found.append(Token(kind, name, attributes, text, line, start))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._add("start", name, attributes=attributes)

    def _other(self, text: str) -> None:
        if text.startswith("&"):
            raise self.error(f"the entity {text} is not defined in it")
        self._add("other")

    def _doctype(self, *declaration: Any) -> None:
        if declaration[-1]:
            raise self.error("its DOCTYPE has declarations, which could define entities")
        self._add("other")

    def error(self, problem: str, line: int = 0) -> DataError:
        """The error for XML that cannot be read; its line is the current one if none is given."""
        line = line or self._parser.CurrentLineNumber
        return DataError(
            f"{self.name}, line {line}: this XML cannot be read: {problem}.",
            hint="Correct the document. Other text is translated line by line with --format text.",
        )

    def root(self, local: str) -> Token:
        """The start tag of the whole document.

        Raises:
            DataError: it has another name; its prefix is free.
        """
        root = next(token for token in self.tokens if token.kind == "start")
        if root.local != local:
            raise self.error(f"its root is <{root.name}>, not <{local}>", root.line)
        return root

    def raw(self, start: int, end: int) -> str:
        """The characters of the file between two offsets, as they are."""
        return self.data[start:end].decode(self.encoding)

    def indent(self, token: Token) -> str:
        """The white space before a tag, as it is in the file."""
        before = self.data[max(0, token.start - INDENT) : token.start]
        text = before.decode(self.encoding, "ignore")
        return text[len(text.rstrip()) :]

    def children(self) -> Iterator[Token]:
        """The start tags inside the current element; the caller reads each of them to its end."""
        for token in self.tokens:
            if token.kind == "start":
                yield token
            elif token.kind == "end":
                return

    def skip(self) -> Token:
        """Skip the rest of the current element; its end tag."""
        depth = 1
        for token in self.tokens:
            depth += {"start": 1, "end": -1}.get(token.kind, 0)
            if depth == 0:
                return token
        raise AssertionError("the parser checks that every element ends")


def encoding_of(data: bytes) -> str:
    """The name of an XML file's encoding for Python, without a byte-order mark."""
    for mark, encoding in (
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (b"<\0", "utf-16-le"),
        (b"\0<", "utf-16-be"),
    ):
        if data.startswith(mark):
            return encoding
    declared = DECLARED.match(data.removeprefix(codecs.BOM_UTF8))
    with suppress(LookupError):  # the parser refuses an unknown one
        return codecs.lookup(declared[1].decode()).name if declared else "utf-8"
    return "utf-8"
