"""Documents among plain lines: recognised, and no false alarm on ordinary lines."""

from __future__ import annotations

import pytest

from seqlstm.documents.recognition import document_format


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (['<?xml version="1.0"?>', "<a>"], ("XML", None)),
        (['<?xml version="1.0"?><xliff version="1.2">'], ("XLIFF", "xliff")),
        (["", '<?xml version="1.0"?>', "<!-- c -->", '<tmx version="1.4">'], ("TMX", "tmx")),
        (["<!DOCTYPE html>", "<body>"], ("HTML", None)),
        (["<html>"], ("HTML", None)),
        (['<srcset setid="a">', '<doc id="1">', "<seg>Hello</seg>"], ("XML", None)),
        (["# c", 'msgid ""', 'msgstr ""'], ("PO", "po")),
        (['msgid "a"', 'msgid_plural "b"', 'msgstr[0] ""'], ("PO", "po")),
        (["1", "00:00:01,000 --> 00:00:02,000", "Hello"], ("SRT", "srt")),
        (["WEBVTT", "", "00:01.000 --> 00:02.000 align:left"], ("WebVTT", None)),
        (['{"en": "Hello"}', '{"en": "you"}'], ("JSON", None)),
        (["{", '  "a": "b"', "}"], ("JSON", None)),
        (["[", "{"], ("JSON", None)),
    ],
)
def test_documents_are_recognised(lines: list[str], expected: tuple[str, str | None]) -> None:
    assert document_format(lines) == expected


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["", " "],
        ["1"],
        ["1", "2", "3"],
        ["<b>bold</b> text", "<i>a</i>"],
        ["<b>", "and text"],
        ["<3 you", "<3 me too"],
        ["msgid is a word", "msgstr too"],
        ['msgid "a" is how a message begins', "x"],
        ['msgid "a"', "and no translation"],
        ["at 00:00:01 --> 00:00:02 it rains"],
        ["{0} files", "[1]", "{", "["],
        ["{", "a"],
        ['{"quoted" braces}'],
        ["[1, 2]"],
        ["WEBVTT is a format"],
        ["He said: <?xml is old"],
        ["# a heading", "## another"],
    ],
)
def test_ordinary_lines_are_not(lines: list[str]) -> None:
    assert document_format(lines) is None
