"""Tags, format strings and addresses, and the white space around a sentence."""

from __future__ import annotations

import pytest

from seqlstm.documents.document import Document, Segment
from seqlstm.documents.protected import (
    PROTECTED,
    has_words,
    split_edges,
    survive,
    unmatched_tags,
)
from seqlstm.documents.translation import translate_document
from seqlstm.text import placeholders


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<b>bold</b> and <br/>", ["<b>", "</b>", "<br/>"]),
        ('<a href="x">', ['<a href="x">']),
        ("a < b > c, 1<2>1", []),
        ("{0} {name:.2f} ${x} {{y}} {\\an8} #{z}", None),
        ("{n, plural, one {# file} other {{n} files}}", None),
        ("%s %d %1$s %(name)s %-5.2f %05d %% %@ %ld %*d", None),
        ("50%discount, 100% sure, 5 % of, 50 % done", []),
        ("{see below} a<b or c>d <see below>", []),
        ("{{ user|upper }} <input disabled> www.a.org/b", None),
        ("&nbsp;&#160;&#xA0; AT&T", ["&nbsp;", "&#160;", "&#xA0;"]),
        ("See https://a.org/b?c=1,d. Or", ["https://a.org/b?c=1,d"]),
        ("mail me@a.example.org.", ["me@a.example.org"]),
        ("The house is 42 years old.", []),
    ],
)
def test_what_is_protected(text: str, expected: list[str] | None) -> None:
    if expected is None:
        assert PROTECTED.sub("", text).strip() == ""
    else:
        assert PROTECTED.findall(text) == expected


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        ("%s has %d", "%d hat %s", True),
        ("%s has %d", "%d hat", False),
        ("%s", "%s %s", False),
        ("a", "<b>", False),
        ("<b>a</b> b", "b <b>a</b>", True),
        ("<b>a</b> b", "</b>b <b>a", False),
        ("<i>a</i><b>b</b>", "<b>b</b><i>a</i>", True),
        ("<i>a</i><b>b</b>", "<b>b<i></b>a</i>", False),
        ("a</i> b", "b</i> a", True),
        ("<g1/>OK<g2/>", "<g1/>OK<g2/>", True),
        ("<g1/>OK<g2/>", "<g2/>OK<g1/>", False),
        ("<b>a</b> <g1/>", "<g1/> <b>a</b>", True),
        ("press <any key> now", "<beliebige Taste> drücken", True),
    ],
)
def test_survival(source: str, translation: str, expected: bool) -> None:
    assert survive(source, translation) is expected


def test_unmatched_tags() -> None:
    assert unmatched_tags("<b>x<i/></b>") == []
    assert unmatched_tags("a</b><i>") == [("/", "b"), ("", "i")]
    assert unmatched_tags("<b><i></b></i>") == [("", "b"), ("", "i"), ("/", "b"), ("/", "i")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n a b \t", ("\n ", "a b", " \t")),
        ("   ", ("   ", "", "")),
        ("<i>a</i>", ("<i>", "a", "</i>")),
        (" <g1> <b>a</b> </g1>", (" <g1> <b>", "a", "</b> </g1>")),
        ("<i>a</i> b <i>c</i>", ("", "<i>a</i> b <i>c</i>", "")),
        ("{\\an8}a", ("{\\an8}", "a", "")),
        ("<x1/>a", ("<x1/>", "a", "")),
        ("{0} a", ("", "{0} a", "")),
        ("<i>a", ("", "<i>a", "")),
        ("<i></i>", ("<i>", "", "</i>")),
    ],
)
def test_edges(text: str, expected: tuple[str, str, str]) -> None:
    assert split_edges(text) == expected
    assert "".join(split_edges(text)) == text


def test_many_nested_tags_stay_together() -> None:
    text = "<b>" * 10_000 + "a" + "</b>" * 10_000
    before, sentence, after = split_edges(text)
    assert before + sentence + after == text


def test_what_documents_keep_is_what_placeholders_protect() -> None:
    text = "%ld {n, plural, other {#}} <input disabled> {{ x|y }} {\\an8} a@b.org www.a.org &lt; 7"
    line = placeholders.protect(text)
    assert line is not None
    assert [*line.strings.values()] == [*PROTECTED.findall(text), "7"]


def test_words() -> None:
    assert has_words("42")
    assert has_words("日")
    assert not has_words("%s – <b>…</b> {name}")


@pytest.mark.parametrize(
    "text",
    [
        *("a" * 10**5, " " * 10**5, "%" + "0" * 10**5, "%(" * 10**5, "a" + ", " * 10**5 + "b"),
        *("{" * 10**5, "{a" * 10**5, "<a" * 10**5, "<b>" * 10**5, "</b>" * 10**5),
        *("&a" * 10**5, "a@" * 10**5, "https://" + "." * 10**5),
        *("{{" * 10**5, "{{{a}" * 10**5, "${a}{" * 10**5, "{n, plural, {a}" * 10**5),
        *("<a open " * 10**5, "<a" + " open" * 10**5, "{n, plural, " * 9 + "{a}" * 10**5),
    ],
)
def test_long_lines_end(text: str) -> None:
    """With time that grows with the square of the length, these take hours."""
    assert survive(text, text)
    assert "".join(split_edges(text)) == text
    document = Document(b"", [Segment(f"{text} a", 0, 0, str)])
    translate_document(document, lambda lines: ["%s" for _ in lines])
