"""PO files: messages, plural forms, contexts, and all that stays as it is."""

from __future__ import annotations

import polib
import pytest

from seqlstm.documents import po
from seqlstm.errors import DataError
from tests.documents.translators import sources, translated, without_marks

HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Language: de\\n"\n\n'

PLAIN = (
    "# Translators: nobody yet\n"
    + HEADER
    + """#. from the compiler
#: src/main.c:12
#, c-format
#| msgid "the old text"
msgctxt "menu"
msgid "open %s"
msgstr   ""

#, fuzzy
msgid "kept"
msgstr "bleibt"

msgid ""
"two lines,\\n"
"and \\"quotes\\"\\t\\\\.\\n"
msgstr ""

msgid "one file"
msgid_plural "%d files"
msgstr[0] ""
msgstr[1] ""

msgid "   "
msgstr ""

#~ msgid "obsolete"
#~ msgstr ""
"""
)
EXPECTED = (
    PLAIN.replace('msgstr   ""', 'msgstr   "OPEN %s"')
    .replace(
        '\\\\.\\n"\nmsgstr ""',
        '\\\\.\\n"\nmsgstr ""\n"TWO LINES,\\n"\n"AND \\"QUOTES\\"\\t\\\\.\\n"',
    )
    .replace('msgstr[0] ""', 'msgstr[0] "ONE FILE"')
    .replace('msgstr[1] ""', 'msgstr[1] "%d FILES"')
)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_translations_change(newline: str, mark: str) -> None:
    data = (mark + PLAIN).replace("\n", newline).encode()
    document = po.read(data, "x.po")
    assert translated(document).encode() == (mark + EXPECTED).replace("\n", newline).encode()
    assert document.kept == 1
    assert document.languages == ("", "de")


def test_polib_reads_what_was_written() -> None:
    before, after = (
        polib.pofile(text) for text in (PLAIN, translated(po.read(PLAIN.encode(), "")))
    )
    assert after.metadata == before.metadata
    for old, new in zip(before, after, strict=True):
        assert (old.msgid, old.msgctxt, old.flags, old.comment, old.occurrences) == (
            *(new.msgid, new.msgctxt, new.flags, new.comment, new.occurrences),
        )
    assert after[0].msgstr == "OPEN %s"
    assert after[2].msgstr == 'TWO LINES,\nAND "QUOTES"\t\\.\n'
    assert after[3].msgstr_plural == {0: "ONE FILE", 1: "%d FILES"}
    assert after[4].msgstr == ""
    assert [entry.msgid for entry in after.obsolete_entries()] == ["obsolete"]


def test_an_only_plural_form_is_that_of_the_plural() -> None:
    text = 'msgid "one file"\nmsgid_plural "%d files"\nmsgstr[0] ""\n'
    assert sources(po.read(text.encode(), "")) == ["%d files"]


def test_a_format_string_survives_a_translator_that_loses_it() -> None:
    text = 'msgid "%(name)s has <b>%d</b> files, {0}"\nmsgstr ""\n'
    found = polib.pofile(translated(po.read(text.encode(), ""), without_marks))
    assert found[0].msgstr == "%(name)s HAS <b>%d</b> FILES, {0}"


def test_retranslate_replaces_translations_but_not_the_header() -> None:
    document = po.read(PLAIN.encode(), "", retranslate=True)
    assert "kept" in sources(document)
    assert document.kept == 0
    assert translated(document) == EXPECTED.replace('"bleibt"', '"KEPT"')


def test_unusual_forms_of_strings() -> None:
    text = '  msgid"a" "b"\n\t"c"  \n# comment inside\nmsgstr\t""  \n'
    expected = '  msgid"a" "b"\n\t"c"  \n# comment inside\nmsgstr\t"ABC"  \n'
    assert translated(po.read(text.encode(), "")) == expected


def test_escapes_are_read() -> None:
    text = 'msgid "a\\x41\\101\\a\\"\\\\n"\nmsgstr ""\n'
    assert sources(po.read(text.encode(), "")) == ['aAA\a"\\n']


def test_what_is_written_is_read_again_whatever_it_is() -> None:
    text = "".join(map(chr, range(1, 0x250))) + '\n\n"\\n\u2028𝄞\n'
    quoted = po.quoted(text, newline="\n")
    assert not set(map(chr, range(32))) - {"\n"} & set(quoted)
    written = f'msgid {quoted}\nmsgstr ""\n'
    assert sources(po.read(written.encode(), "")) == [text]


def test_a_template_has_no_charset_yet() -> None:
    text = HEADER.replace("UTF-8", "CHARSET") + 'msgid "a"\nmsgstr ""\n'
    assert sources(po.read(text.encode(), "")) == ["a"]


@pytest.mark.parametrize("wrapped", [False, True])
def test_letters_of_another_charset_are_refused_by_its_name(wrapped: bool) -> None:
    header = HEADER.replace("UTF-8", "iso-8859-15")
    if wrapped:
        header = header.replace("plain; ", 'plain; "\n  "')
    text = "# Übersetzung\n" + header + 'msgid "Straße"\nmsgstr ""\n'
    with pytest.raises(DataError, match=r"x\.po is in iso-8859-15, (?s:as its .*msgconv)"):
        po.read(text.encode("latin-1"), "x.po")
    with pytest.raises(DataError, match=r"x\.po, line 1: not UTF-8"):
        po.read(text.replace("iso-8859-15", "UTF-8").encode("latin-1"), "x.po")


def test_a_charset_in_a_message_is_text() -> None:
    text = HEADER + 'msgid ""\n"charset=koi8-r"\nmsgstr ""\n"charset=koi8-r"\n'
    assert po.read(text.encode(), "x.po").kept == 1
    headless = text.removeprefix(HEADER)
    assert po.read(headless.encode(), "x.po").kept == 1


def test_another_charset_is_refused_by_name() -> None:
    data = (HEADER.replace("UTF-8", "ISO-8859-1") + 'msgid "a"\nmsgstr ""\n').encode()
    with pytest.raises(DataError, match=r"x\.po is in ISO-8859-1, as its header states.*msgconv"):
        raise_whole(data)


def raise_whole(data: bytes) -> None:
    try:
        po.read(data, "x.po")
    except DataError as error:
        raise DataError(str(error).replace("\n", " ")) from None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: there is no message"),
        ("# only a comment\n", "line 1: there is no message"),
        ('msgid "a"\n', "line 1: the last message has no msgstr"),
        ('msgstr "a"\n', "line 1: msgstr comes before msgid"),
        ('msgid "a"\nmsgid "b"\nmsgstr ""\n', "line 2: msgid has no place here"),
        ('msgid "a"\nmsgstr ""\nmsgid_plural "b"\n', "line 3: msgid_plural has no place here"),
        ('"a"\n', 'line 1: not understood: "a"'),
        ('msgid "a\nmsgstr ""\n', 'line 1: not understood: msgid "a'),
        ('msgid "a" b"\nmsgstr ""\n', "line 1: not understood"),
        ('msgid "a"\nmsgstr "b\\"\n', "line 2: not understood"),
        ("Just a letter.\n", "line 1: not understood: Just a letter."),
    ],
)
def test_what_is_no_po_is_refused_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        po.read(text.encode(), "x.po")
    assert f"x.po, {problem}" in str(caught.value)
    assert "--format text" in str(caught.value)


def test_bytes_that_are_not_utf8_have_a_line_number() -> None:
    with pytest.raises(DataError, match=r"x\.po, line 2: not UTF-8 \(byte 0xe9\)"):
        po.read(b'msgid "a"\nmsgstr "\xe9"\n', "x.po")
