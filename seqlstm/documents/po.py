"""PO, gettext's catalogues: the `msgstr` of every `msgid`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from seqlstm.documents.document import Document, Segment, Utf8Lines, no_document
from seqlstm.errors import DataError

STRINGS = r"""(?P<text>"(?:[^"\\\r\n]|\\.)*"(?:[ \t]*"(?:[^"\\\r\n]|\\.)*")*)[ \t]*\r?\n?"""
STATEMENT = re.compile(
    rf"[ \t]*(domain|msgctxt|msgid|msgid_plural|msgstr(?:[ \t]*\[[ \t]*\d+[ \t]*\])?)"
    rf"[ \t]*{STRINGS}"
)
CONTINUATION = re.compile(rf"[ \t]*{STRINGS}")
BLANK = re.compile(r"\s*(#.*)?", re.DOTALL)
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)")
HEADER = re.compile(  # in bytes: its charset states how to read them
    rb'^[ \t]*msgid(?:\s*"")+\s*msgstr((?:\s*"[^\r\n]*")*)', re.MULTILINE
)
CHARSET = re.compile(rb"charset=([\w.:-]+)", re.IGNORECASE)
LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
ESCAPES = {
    **{code: f"\\{code:03o}" for code in range(32)},
    **{ord(character): f"\\{letter}" for letter, character in LETTERS.items()},
    ord('"'): '\\"',
    ord("\\"): "\\\\",
}
UTF8 = ("utf-8", "utf8", "us-ascii", "ascii", "charset")  # "CHARSET" is that of templates (.pot)


@dataclass
class String:
    """A keyword with its text, which may be on several lines."""

    keyword: str
    line: int
    newline: str
    start: int  # offset of the first quotation mark
    end: int = 0  # offset after the last one
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.parts)


@dataclass
class Entry:
    """A message with its translations."""

    strings: dict[str, String] = field(default_factory=dict)
    translations: list[String] = field(default_factory=list)

    @property
    def is_header(self) -> bool:
        return not self.strings["msgid"].text and "msgctxt" not in self.strings

    def source_of(self, index: int) -> str:
        """The source of a translation: the singular for the first of several forms."""
        plural = self.strings.get("msgid_plural")
        singular = plural is None or (index == 0 and len(self.translations) > 1)
        return self.strings["msgid"].text if singular or plural is None else plural.text


def read(data: bytes, name: str, *, retranslate: bool = False) -> Document:
    """The messages of a PO file that have no translation.

    Args:
        data: the whole file.
        name: of the file, for messages.
        retranslate: whether messages with a translation are included.

    Raises:
        DataError: the file is no PO, or its header states another encoding than UTF-8.
    """
    check_charset(data, name)
    segments, kept, language = [], 0, ""
    for entry in entries(strings(data, name), name):
        if entry.is_header:
            header = entry.translations[0].text if entry.translations else ""
            stated = re.search(r"^Language:[ \t]*([\w@-]+)", header, re.MULTILINE)
            language = stated[1].replace("_", "-") if stated else ""
            continue
        for index, target in enumerate(entry.translations):
            source = entry.source_of(index)
            if not source.strip():
                continue
            if target.text and not retranslate:
                kept += 1
                continue
            render = partial(quoted, newline=target.newline)
            segments.append(Segment(source, target.start, target.end, render))
    return Document(data, segments, kept, languages=("", language))


def strings(data: bytes, name: str) -> Iterator[String]:
    """The keywords of the file with their texts.

    Raises:
        DataError: a line does not belong to a PO file.
    """
    file = Utf8Lines(data, name)
    current: String | None = None
    for number, (line, offset) in enumerate(zip(file.lines, file.offsets, strict=False), 1):
        if found := STATEMENT.fullmatch(line):
            if current:
                yield current
            keyword, newline = "".join(found[1].split()), "\r\n" if "\r\n" in line else "\n"
            start = offset + len(line[: found.start("text")].encode())
            current = String(keyword, number, newline, start)
        elif BLANK.fullmatch(line):
            continue
        elif not current or not (found := CONTINUATION.fullmatch(line)):
            raise no_document(name, number, f"not understood: {line.strip()[:60]}", "PO")
        current.end = offset + len(line[: found.end("text")].encode())
        current.parts.append(unquoted(found["text"]))
    if current:
        yield current


def entries(found: Iterator[String], name: str) -> Iterator[Entry]:
    """The messages of a file, from its keywords.

    Raises:
        DataError: a keyword is missing or comes twice.
    """
    entry, last = Entry(), 0
    for string in found:
        last = string.line
        if string.keyword == "domain":
            continue
        if string.keyword in ("msgctxt", "msgid") and entry.translations:
            yield entry
            entry = Entry()
        if string.keyword.startswith("msgstr"):
            entry.translations.append(string)
        elif string.keyword in entry.strings or entry.translations:
            raise no_document(name, string.line, f"{string.keyword} has no place here", "PO")
        else:
            entry.strings[string.keyword] = string
        if entry.translations and "msgid" not in entry.strings:
            raise no_document(name, string.line, "msgstr comes before msgid", "PO")
    if entry.strings and not entry.translations:
        raise no_document(name, last, "the last message has no msgstr", "PO")
    if not last:
        raise no_document(name, 1, "there is no message", "PO")
    yield entry


def check_charset(data: bytes, name: str) -> None:
    """Make sure that the header of a file states UTF-8, or no encoding.

    Raises:
        DataError: it states another one.
    """
    header = HEADER.search(data)
    charset = CHARSET.search(header[1]) if header else None
    encoding = charset[1].decode("ascii", "replace") if charset else "utf-8"
    if encoding.lower() not in UTF8:
        raise DataError(
            f"{name} is in {encoding}, as its header states, not in UTF-8.",
            hint=f"Convert it: msgconv --to-code=UTF-8 {name}",
        )


def unquoted(text: str) -> str:
    """The text of quoted strings."""
    return ESCAPE.sub(meaning, "".join(STRING.findall(text)))


def meaning(escape: re.Match[str]) -> str:
    """The character of an escape sequence."""
    code = escape[1]
    if code[0] == "x" and len(code) > 1:
        return chr(int(code[1:], 16))
    return chr(int(code, 8)) if code[0] in "01234567" else LETTERS.get(code, code)


def quoted(text: str, *, newline: str) -> str:
    """A text as a quoted string, a line of the file for each of its lines."""
    lines = [line.translate(ESCAPES) for line in text.split("\n")]
    strings = [f'"{line}\\n"' for line in lines[:-1]]
    strings += [f'"{lines[-1]}"'] if lines[-1] or not strings else []
    return newline.join(['""', *strings] if len(strings) > 1 else strings)
