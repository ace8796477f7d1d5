"""TMX: variants added in the target language, languages, inline elements."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from seqlstm.documents import tmx
from seqlstm.documents.document import Document
from seqlstm.errors import DataError
from tests.documents.translators import sources, translated, without_marks


def memory(*units: str, srclang: str = "en-US") -> str:
    return (
        '<?xml version="1.0"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<tmx version="1.4">\n'
        f"<header srclang='{srclang}' datatype=\"plaintext\"/>\n<body>\n"
        + "\n".join(units)
        + "\n</body></tmx>\n"
    )


def read(text: str, target_lang: str = "de", **options: bool) -> Document:
    return tmx.read(text.encode(), "x.tmx", source_lang="en", target_lang=target_lang, **options)


UNIT = """<tu tuid='7'>
  <note>The note</note>
  <tuv xml:lang="EN-us" creationid='a'>
    <prop type="x">p</prop>
    <seg>The &amp; <bpt i="1">&lt;b><sub>sub</sub></bpt>old<ept i="1"/> <hi>house</hi></seg>
  </tuv>{}
  <tuv xml:lang="fr"><seg>La maison</seg></tuv>
</tu>"""
TEXT = 'THE &amp; <bpt i="1">&lt;b><sub>sub</sub></bpt>OLD<ept i="1"/> <hi>HOUSE</hi>'


def test_a_variant_is_added_after_the_source() -> None:
    added = f'\n  <tuv xml:lang="de"><seg>{TEXT}</seg></tuv>'
    for translate in ({}, {"translate": without_marks}):
        found = translated(read(memory(UNIT.format(""))), **translate)
        assert found == memory(UNIT.format(added))
    ElementTree.fromstring(found)


def test_an_empty_variant_is_filled_and_another_kept() -> None:
    for before, after in (
        ("<seg/>", f"<seg>{TEXT}</seg>"),
        ("<seg></seg>", f"<seg>{TEXT}</seg>"),
        ("<seg>Das Haus</seg>", "<seg>Das Haus</seg>"),
    ):
        units = [UNIT.format(f"<tuv xml:lang='de-AT'>{seg}</tuv>") for seg in (before, after)]
        assert translated(read(memory(units[0]))) == memory(units[1])
    document = read(memory(UNIT.format("<tuv xml:lang='de'><seg>x</seg></tuv>")))
    assert (document.kept, document.languages) == (1, ("en-US", "de"))


def test_retranslate_replaces_the_text_of_a_variant() -> None:
    variant = "<tuv xml:lang='de'><prop type='p'>q</prop><seg>{}</seg></tuv>"
    before, after = (memory(UNIT.format(variant.format(text))) for text in ("Das Haus", TEXT))
    assert translated(read(before, retranslate=True)) == after


def test_the_source_language_of_the_header_or_of_a_unit_or_of_the_recipe() -> None:
    units = [
        '<tu><tuv xml:lang="en"><seg>a</seg></tuv><tuv xml:lang="fr"><seg>b</seg></tuv></tu>',
        '<tu srclang="fr"><tuv xml:lang="en"><seg>c</seg></tuv>'
        '<tuv xml:lang="fr"><seg>d</seg></tuv></tu>',
    ]
    assert sources(read(memory(*units, srclang="en"))) == ["a", "d"]
    assert sources(read(memory(*units, srclang="fr"))) == ["b", "d"]
    assert sources(read(memory(*units, srclang="*all*"))) == ["a", "d"]


@pytest.mark.parametrize(
    ("srclang", "source", "target"),
    [("en", "en_US", "de_DE"), ("en-US", "en", "DE"), ("EN_us", "en-US", "de-AT")],
)
def test_languages_in_any_spelling(srclang: str, source: str, target: str) -> None:
    unit = f'<tu><tuv xml:lang="{source}"><seg>a</seg></tuv>{{}}</tu>'
    filled = f'<tuv xml:lang="{target}"><seg>{{}}</seg></tuv>'
    text = memory(*(unit.format(filled.format(text)) for text in ("", "x")), srclang=srclang)
    expected = text.replace("<seg></seg>", "<seg>A</seg>")
    assert translated(read(text)) == expected
    assert read(text).kept == 1


def test_the_same_language_goes_before_a_regional_form() -> None:
    unit = '<tu><tuv xml:lang="en_GB"><seg>a</seg></tuv><tuv xml:lang="en"><seg>b</seg></tuv></tu>'
    assert sources(read(memory(unit, srclang="en"))) == ["b"]


def test_the_old_attribute_of_languages() -> None:
    unit = '<tu><tuv lang="en-US"><seg>a</seg></tuv>{}</tu>'
    assert translated(read(memory(unit.format("")))) == memory(
        unit.format('<tuv lang="de"><seg>A</seg></tuv>')
    )


def test_units_without_text_or_source_stay() -> None:
    text = memory(
        '<tu><tuv xml:lang="en-US"><seg> </seg></tuv></tu>',
        '<tu><tuv xml:lang="fr"><seg>a</seg></tuv></tu>',
        '<tu><tuv xml:lang="en-US"><seg>{0}</seg></tuv><tuv xml:lang="de"><seg>x</seg></tuv></tu>',
        "<tu/>",
    )
    assert translated(read(text)) == text
    assert translated(read(memory())) == memory()


def test_line_ends_are_part_of_the_text() -> None:
    unit = '<tu><tuv xml:lang="en-US"><seg>a\nb</seg></tuv></tu>'
    assert "<seg>A\nB</seg>" in translated(read(memory(unit)))


def test_a_wrong_source_language_is_an_error_with_those_that_are_there() -> None:
    units = [f'<tu><tuv xml:lang="{code}"><seg>a</seg></tuv></tu>' for code in ("fr", "de")]
    with pytest.raises(DataError, match=r"no text in its source language 'en-US', but in: de, fr"):
        read(memory(*units))
    with pytest.raises(DataError, match=r"no text in its source language '', but in: de, fr"):
        tmx.read(memory(*units, srclang="*all*").encode(), "", source_lang="", target_lang="de")


def test_another_root_is_refused() -> None:
    with pytest.raises(DataError, match="its root is <html>, not <tmx>"):
        read("<html></html>")
