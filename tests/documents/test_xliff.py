"""XLIFF 1.2 and 2.0: targets filled and inserted, inline elements, states."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from seqlstm.documents import xliff
from seqlstm.documents.translation import Translate
from seqlstm.errors import DataError
from tests.documents.translators import in_capitals, sources, translated, without_marks


def version1(body: str, attributes: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!-- exported -->\n'
        '<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">\n'
        f"<file original='a.txt' source-language='en' target-language=\"de-DE\" {attributes}>\n"
        f"<body>\n{body}\n</body>\n</file></xliff>\n"
    )


def version2(body: str, attributes: str = 'srcLang="en" trgLang="de"') -> str:
    return (
        f'<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.0" {attributes}>\n'
        f'<file id="f"><unit id="u">\n{body}\n</unit></file></xliff>\n'
    )


def check(before: str, after: str, **options: bool) -> None:
    """The file with its translations is `after`, in any line ends and encoding, and is XML."""
    for newline, encoding in (("\n", "utf-8"), ("\r\n", "utf-8"), ("\n", "utf-8-sig")):
        data = before.replace("\n", newline).encode(encoding)
        document = xliff.read(data, "x.xlf", **options)
        expected = after.replace("\n", newline).encode(encoding)
        assert translated(document).encode() == expected
        ElementTree.fromstring(expected)


UNIT = """  <trans-unit id="1">
    <source>The house</source>{target}
    <note>The note</note>
  </trans-unit>"""


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("", "\n    <target>THE HOUSE</target>"),
        ("\n    <target/>", "\n    <target>THE HOUSE</target>"),
        ('\n<target state="new" />', '\n<target state="new" >THE HOUSE</target>'),
        ("<target></target>", "<target>THE HOUSE</target>"),
        ("<target>\n </target>", "<target>THE HOUSE</target>"),
        ('<target state="new">The house</target>', '<target state="new">THE HOUSE</target>'),
        (
            '<target state="needs-translation">a</target>',
            '<target state="needs-translation">THE HOUSE</target>',
        ),
        ("<target>Das Haus</target>", "<target>Das Haus</target>"),
        ('<target state="translated">Das</target>', '<target state="translated">Das</target>'),
        ('<target state="final"/>', '<target state="final"/>'),
    ],
)
def test_targets_of_version_1(target: str, expected: str) -> None:
    check(version1(UNIT.format(target=target)), version1(UNIT.format(target=expected)))


SEGMENT = '<segment id="1"{state}>\n  <source>The house</source>{target}\n</segment>'


@pytest.mark.parametrize(
    ("state", "target", "expected"),
    [
        ("", "", "\n  <target>THE HOUSE</target>"),
        (' state="initial"', "<target>The house</target>", "<target>THE HOUSE</target>"),
        (' state="translated"', "<target>Das Haus</target>", "<target>Das Haus</target>"),
        (' state="final"', "", ""),
    ],
)
def test_targets_of_version_2(state: str, target: str, expected: str) -> None:
    check(
        version2(SEGMENT.format(state=state, target=target)),
        version2(SEGMENT.format(state=state, target=expected)),
    )


def test_retranslate_spares_what_a_person_has_approved() -> None:
    unit = "<trans-unit id='1'{}><source>a</source><target{}>{}</target></trans-unit>"
    before = [("", "", "x"), (" approved='yes'", "", "y"), ("", " state='signed-off'", "z")]
    after = [("", "", "A"), *before[1:]]
    text, expected = ("\n".join(unit.format(*one) for one in units) for units in (before, after))
    check(version1(text), version1(expected), retranslate=True)
    segment = "<segment state='reviewed'><source>a</source><target>x</target></segment>"
    check(version2(segment), version2(segment), retranslate=True)


def test_what_must_not_be_translated_stays() -> None:
    body = """<group translate="no"><trans-unit id="1"><source>a</source></trans-unit>
<trans-unit id="2" translate="yes"><source>b</source></trans-unit></group>
<trans-unit id="3" translate="no"><source>c</source><target/></trans-unit>"""
    expected = body.replace("b</source>", "b</source><target>B</target>")
    check(version1(body), version1(expected))
    ignorable = "<ignorable><source> and </source></ignorable>"
    check(version2(ignorable), version2(ignorable))
    assert xliff.read(version1(body).encode(), "").kept == 2


def test_alternatives_and_matches_stay() -> None:
    body = (
        "<trans-unit id='1'><source>a</source><alt-trans><source>b</source><target></target>"
        "</alt-trans></trans-unit>"
    )
    check(version1(body), version1(body.replace("<alt", "<target>A</target><alt")))
    matches = "<mtc:matches xmlns:mtc='m'><mtc:match><source>b</source></mtc:match></mtc:matches>"
    check(version2(matches), version2(matches))


INLINE = (
    "See <g id='1' ctype=\"x-a\">the <x id='2'/>house</g> &amp; &lt;b&gt;<ph id='3'>&lt;br></ph>"
    "<bpt id='4'>{</bpt>now<ept id='4'>}</ept><mrk mtype='protected'>ACME Inc</mrk> today"
)


@pytest.mark.parametrize("translate", [in_capitals, without_marks])
def test_inline_elements_survive(translate: Translate) -> None:
    data = version1(f"<trans-unit id='1'><source>{INLINE}</source></trans-unit>")
    target = (
        (INLINE.replace("See", "SEE").replace("the ", "THE ").replace("house", "HOUSE"))
        .replace("now", "NOW")
        .replace("today", "TODAY")
    )
    expected = data.replace("</source>", f"</source><target>{target}</target>")
    assert translated(xliff.read(data.encode(), ""), translate) == expected


def test_inline_elements_of_version_2() -> None:
    text = (
        "<ph id='1'/>a<pc id='2'>b <mrk id='m' translate='no'>c</mrk></pc><sc id='3'/>d"
        "<ec startRef='3'/><cp hex='001f'/> <pc id='4'/>"
    )
    body = f"<segment><source>{text}</source></segment>"
    target = text.replace(">a<", ">A<").replace(">b ", ">B ").replace(">d<", ">D<")
    check(
        version2(body),
        version2(body.replace("</source>", f"</source><target>{target}</target>")),
    )


def test_a_translation_may_move_elements_but_not_cross_them() -> None:
    data = version2("<segment><source>a <pc id='1'>b</pc> <pc id='2'>c</pc> {0}</source></segment>")
    document = xliff.read(data.encode(), "")
    moved = "{0} <g2>C</g2> <g1>B</g1> A"
    assert "<target>{0} <pc id='2'>C</pc> <pc id='1'>B</pc> A</target>" in translated(
        document, lambda lines: [moved for _ in lines]
    )


@pytest.mark.parametrize(
    "crossed", ["<g1>x<g2>y</g1>z</g2> {0}", "</g1>x<g1><g2></g2>{0}", "<g1></g1>{0}"]
)
def test_a_translation_with_crossed_or_lost_elements_is_made_in_pieces(crossed: str) -> None:
    data = version2("<segment><source>a <pc id='1'>b</pc> <pc id='2'>c</pc> {0}</source></segment>")
    found = translated(
        xliff.read(data.encode(), ""),
        lambda lines: [crossed if "g1" in line else line.upper() for line in lines],
    )
    assert "<target>A <pc id='1'>B</pc> <pc id='2'>C</pc> {0}</target>" in found


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<bpt id='1'>[</bpt>", "<ept id='1'>]</ept>"),
        ("<bx id='1'/>", "<ex id='2' rid='1'/>"),
        ("<sc id='1'/>", "<ec startRef='1'/>"),
    ],
)
def test_a_code_never_closes_before_it_opens(opening: str, closing: str) -> None:
    text = f"press {opening}OK{closing} now"
    data = version1(f"<trans-unit id='1'><source>{text}</source></trans-unit>")
    found = translated(
        xliff.read(data.encode(), ""),
        lambda lines: [
            "<g2/>OK<g1/>" if "g1" in line else line.replace("press", "drück") for line in lines
        ],
    )
    assert f"<target>drück {opening}OK{closing} now</target>" in found


def test_text_like_a_short_tag_is_text() -> None:
    text = "&lt;g1&gt; <ph id='1'/> &lt;/gg1&gt;"
    data = version2(f"<segment><source>{text} a</source></segment>").encode()
    assert sources(xliff.read(data, "")) == ["<g1> <ggg1/> </gg1> a"]
    assert f"<target>{text} A</target>" in translated(xliff.read(data, ""))


def test_tags_that_the_translator_adds_are_never_written() -> None:
    data = version2("<segment><source>a <ph id='1'/> b</source></segment>").encode()
    document = xliff.read(data, "")
    found = translated(document, lambda lines: ["<g1/><g1/><script>" for _ in lines])
    assert "<target>a <ph id='1'/> b</target>" in found


def test_cdata_is_text() -> None:
    body = "<segment><source><![CDATA[a < b & <i>c</i>]]> d</source></segment>"
    target = "<target>A &lt; B &amp; &lt;i&gt;C&lt;/i&gt; D</target>"
    check(version2(body), version2(body.replace("</source>", f"</source>{target}")))


def test_segmented_sources_are_translated_sentence_by_sentence() -> None:
    marked = "<mrk mtype='seg' mid='1'>One.</mrk> <mrk mtype='seg' mid='2'>Two.</mrk>"
    body = (
        f"<trans-unit id='1'><source>One. Two.</source>\n<seg-source>{marked}</seg-source>"
        "\n</trans-unit>"
    )
    lines: list[str] = []

    def translate(given: list[str]) -> list[str]:
        lines.extend(given)
        return in_capitals(given)

    found = translated(xliff.read(version1(body).encode(), ""), translate)
    assert lines == ["One.", "Two."]
    target = marked.replace("One", "ONE").replace("Two", "TWO")
    assert found == version1(body.replace("g-source>\n", f"g-source>\n<target>{target}</target>\n"))


MARKED = "<mrk mtype='seg' mid='{}'>{}</mrk>"


def half_translated(*targets: str, attributes: str = "", state: str = "") -> str:
    source = " ".join(MARKED.format(n, text) for n, text in enumerate(("One.", "Two."), 1))
    target = " ".join(MARKED.format(n, text) for n, text in enumerate(targets, 1))
    return version1(
        f"<trans-unit id='1' {attributes}><source>One. Two.</source><seg-source>{source}"
        f"</seg-source><target{state}>{target}</target></trans-unit>"
    )


DONE = "<g id='9'>Eins</g> &amp; &lt;b>."


@pytest.mark.parametrize("attributes", ["", "approved='yes'"])
def test_a_half_translated_unit_is_completed_and_keeps_what_it_has(attributes: str) -> None:
    before = half_translated(DONE, "", attributes=attributes)
    after = half_translated(DONE.replace("b>", "b&gt;"), "TWO.", attributes=attributes)
    document = xliff.read(before.encode(), "")
    lines: list[str] = []
    assert translated(document, lambda given: lines.extend(given) or in_capitals(given)) == after
    assert lines == ["Two."]
    assert document.kept == 0
    whole = half_translated(DONE, "Zwei.", attributes=attributes)
    check(whole, whole)


def test_a_half_translated_unit_that_may_be_replaced() -> None:
    before, after = half_translated(DONE, ""), half_translated("ONE.", "TWO.")
    check(before, after, retranslate=True)
    new = " state='new'"
    check(half_translated(DONE, "", state=new), half_translated("ONE.", "TWO.", state=new))
    final = half_translated(DONE, "", state=" state='final'")
    check(final, final)


def test_other_sentences_than_those_of_the_source_are_kept() -> None:
    text = half_translated(DONE, "").replace("mid='2'></mrk></target>", "mid='3'></mrk></target>")
    check(text, text)


@pytest.mark.parametrize("target", ["", "<target/>", "<target> </target>"])
def test_an_approved_unit_without_a_translation_is_translated_with_a_warning(target: str) -> None:
    unit = "<trans-unit id='1' approved='yes'><source>a</source>{}</trans-unit>"
    before, after = (version1(unit.format(text)) for text in (target, "<target>A</target>"))
    check(before, after)
    [warning] = xliff.read(before.encode(), "").warnings
    assert warning.startswith("units that are approved without a translation: 1;")


def test_wrapped_text_is_one_line_unless_white_space_is_preserved() -> None:
    text = "\n      The house\n      is old.\n    "
    body = f"<segment><source>{text}</source></segment>"
    assert sources(xliff.read(version2(body).encode(), "")) == ["\n      The house is old.\n    "]
    body = f"<segment><source xml:space='preserve'>{text}</source></segment>"
    assert sources(xliff.read(version2(body).encode(), "")) == [text]
    check(
        version2(body),
        version2(body.replace("</source>", f"</source><target>{text.upper()}</target>")),
    )


def test_prefixed_names() -> None:
    text = (
        '<x:xliff xmlns:x="urn:oasis:names:tc:xliff:document:1.2" version="1.2"><x:file '
        'source-language="en" target-language="de"><x:body><x:trans-unit id="1" xmlns:s="u">'
        "<s:source>no</s:source><x:source>a</x:source></x:trans-unit></x:body></x:file></x:xliff>"
    )
    check(text, text.replace("</x:source>", "</x:source><x:target>A</x:target>"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "iso-8859-1", "cp1252"])
def test_other_encodings(encoding: str) -> None:
    declared = "UTF-16" if encoding.startswith("utf-16") else encoding
    body = "<segment>\n  <source>Ein <ph id='1' disp='ä'/> Bär</source></segment>"
    text = f"<?xml version='1.0' encoding='{declared}'?>\n" + version2(body)
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    document = xliff.read((mark + text).encode(encoding), "")
    found = document.write([f"{document.segments[0].source} ß я"]).decode(encoding)
    last = "я" if declared == "UTF-16" else "&#1103;"
    target = f"\n  <target>Ein <ph id='1' disp='ä'/> Bär ß {last}</target>"
    assert found == mark + text.replace("</source>", f"</source>{target}")


def test_languages_are_read() -> None:
    assert xliff.read(version1("").encode(), "").languages == ("en", "de-DE")
    assert xliff.read(version2("").encode(), "").languages == ("en", "de")


def test_a_missing_target_language_is_a_warning() -> None:
    data = version2("<segment><source>a</source></segment>", 'srcLang="en"')
    assert "trgLang" in xliff.read(data.encode(), "").warnings[0]


BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><xliff version="2.0">&b;</xliff>'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: this XML cannot be read: no element found"),
        ("A letter.", "line 1: this XML cannot be read: syntax error"),
        ("<tmx/>", "its root is <tmx>, not <xliff>"),
        ("<xliff version='3.0'/>", 'XLIFF 1.x and 2.x are known, not version "3.0"'),
        ("<xliff/>", 'not version ""'),
        ("<xliff version='2.0'>\n<a></xliff>", "line 2: this XML cannot be read: mismatched tag"),
        ("<xliff version='2.0'>\n<segment><source>", "line 2: this XML cannot be read: no element"),
        ("<xliff version='2.0'>&nbsp;</xliff>", "undefined entity"),
        ("<!DOCTYPE xliff SYSTEM 'x'><xliff version='2.0'>&b;</xliff>", "the entity &b;"),
        ("<?xml version='1.0' encoding='EBCDIC-9'?><xliff/>", "unknown encoding"),
        ("<?xml version='1.0' encoding='shift_jis'?><xliff/>", "encoding"),
        (BOMB, "its DOCTYPE has declarations, which could define entities"),
        ("<xliff version='2.0'>\0</xliff>", "not well-formed"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        xliff.read(text.encode(), "x.xlf")
    assert str(caught.value).startswith("x.xlf, line ")
    assert problem in str(caught.value)


def test_the_line_of_a_wrong_root_is_its_own() -> None:
    with pytest.raises(DataError, match=r"x\.xlf, line 2: .* its root is <a>"):
        xliff.read(b"<!-- c -->\n<a>\n\n\n</a>", "x.xlf")


def test_a_target_of_tags_around_nothing_is_empty() -> None:
    body = (
        "<trans-unit id='1'><source>a</source><seg-source><mrk mtype='seg' mid='1'>a</mrk>"
        "</seg-source><target><mrk mtype='seg' mid='1'/></target></trans-unit>"
    )
    check(version1(body), version1(body.replace("1'/></target>", "1'>A</mrk></target>")))


def test_a_long_document_is_read_in_pieces_of_any_length() -> None:
    segment = "<segment><source>a <ph id='1'/> ä</source></segment>\n"
    document = xliff.read(version2(segment * 5_000).encode(), "")
    assert sources(document) == ["a <g1/> ä"] * 5_000
    expected = segment.replace("</source>", "</source><target>A <ph id='1'/> Ä</target>")
    assert translated(document) == version2(expected * 5_000)
