"""TMX: segments by language, streamed, without entities."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from seqlstm.data.sources import tmx
from seqlstm.data.sources.read import read
from seqlstm.errors import DataError

TMX = """<?xml version="1.0" encoding="{encoding}"?>{doctype}
<tmx version="1.4"><header srclang="{source}" datatype="plaintext"/><body>
<tu><tuv xml:lang="en-US"><seg><bpt i="1">&lt;b&gt;</bpt>Save<ept i="1">&lt;/b&gt;</ept> &amp; go
</seg></tuv><tuv xml:lang="de"><seg>Drücken Sie <hi>Sichern</hi>.</seg></tuv></tu>
<tu><tuv xml:lang="DE"><seg>zwei</seg></tuv><tuv xml:lang="en_us"><seg> two</seg></tuv></tu>
<tu><tuv xml:lang="en-US"><seg>alone</seg></tuv><tuv xml:lang="fr"><seg>seul</seg></tuv></tu>
</body></tmx>
"""
ROWS = [("Save & go\n", "Drücken Sie Sichern."), (" two", "zwei")]


def write(path: Path, text: str = TMX, encoding: str = "utf-8", **fields: str) -> Path:
    declared = encoding.removesuffix("-sig")
    values = {"encoding": declared, "doctype": "", "source": "en-US", **fields}
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    data = text.encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix.lower() == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["memory.tmx", "memory.tmx.gz", "memory.TMX.GZ"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_pairs_go_by_language_and_by_primary_subtag(
    tmp_path: Path, name: str, encoding: str
) -> None:
    file = write(tmp_path / name, encoding=encoding)
    for source in (file, tmp_path, {"train": file}):
        for english in ("en", "en-US", "EN_us", "translation.en"):
            corpus = read(source, split="train", pair=[english, "de"])
            assert corpus.rows == ROWS
            assert read(source, split="train", pair=["de", english]).rows == [
                (german, english) for english, german in ROWS
            ]
    assert read(file, split="train[:50%]", text="de").rows == [ROWS[0][1]]


def test_codes_of_other_formats_are_no_text(tmp_path: Path) -> None:
    codes = "".join(
        f"<{name}>{{\\b <sub>in a code</sub>}}</{name}>{name} "
        for name in ("bpt", "ept", "ph", "it", "ut")
    )
    unit = f"<tu><tuv xml:lang='en'><seg>{codes}<hi>a <hi>b</hi></hi><ph/> c</seg></tuv></tu>"
    file = write(tmp_path / "a.tmx", f"<tmx><header srclang='en'/><body>{unit}</body></tmx>")
    assert read(file, split="train", text="en").rows == ["bpt ept ph it ut a b c"]


def test_units_without_a_language_are_counted(tmp_path: Path) -> None:
    corpus = read(write(tmp_path / "a.tmx"), split="train", pair=["en", "de"])
    (note,) = corpus.notes
    assert note.endswith("1 units without text in each language left out (the first: 3)")


def test_what_cannot_be_matched_is_refused_with_the_languages(tmp_path: Path) -> None:
    file = write(tmp_path / "a.tmx")
    with pytest.raises(DataError, match=r"no unit in en and es\. Its languages: de, en-US, fr"):
        read(file, split="train", pair=["en", "es"])
    with pytest.raises(DataError, match="text of several languages"):
        read(file, split="train")


def test_two_variants_of_a_language_are_refused_unless_one_is_named(tmp_path: Path) -> None:
    text = TMX.replace('xml:lang="de"><seg>Drücken', 'xml:lang="en-GB"><seg>Drücken')
    file = write(tmp_path / "a.tmx", text)
    with pytest.raises(DataError, match="unit 1: en is any of en-US, en-GB"):
        read(file, split="train", text="en")
    assert len(read(file, split="train", text="en-US")) == 3


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE tmx [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
        '<!DOCTYPE tmx [<!ENTITY file SYSTEM "file:///etc/passwd">]>',
        "<!DOCTYPE tmx []>",
    ],
)
def test_declarations_are_refused(tmp_path: Path, doctype: str) -> None:
    with pytest.raises(DataError, match="declares or uses entities"):
        read(write(tmp_path / "a.tmx", doctype=doctype), split="train", pair=["en", "de"])


def test_a_document_type_that_declares_nothing_is_not_looked_up(tmp_path: Path) -> None:
    doctype = '<!DOCTYPE tmx SYSTEM "tmx14.dtd">'
    file = write(tmp_path / "a.tmx", doctype=doctype)
    assert read(file, split="train", pair=["en", "de"]).rows == ROWS
    text = TMX.replace("zwei", "zwei &auml;")
    with pytest.raises(DataError, match="line 5: the document declares or uses entities"):
        read(write(tmp_path / "a.tmx", text, doctype=doctype), split="train", pair=["en", "de"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<tmx><body><tu>", "line 1: not well-formed TMX"),
        ("", "not well-formed TMX"),
        ("<html></html>", "XML, but not TMX"),
    ],
)
def test_other_text_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.tmx").write_text(text)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "a.tmx", split="train", pair=["en", "de"])


@pytest.mark.parametrize(
    ("encoding", "reason"),
    [("shift_jis", "multi-byte encodings are not supported"), ("foo", "unknown encoding: foo")],
)
def test_an_encoding_that_cannot_be_read_is_named(
    tmp_path: Path, encoding: str, reason: str
) -> None:
    (tmp_path / "a.tmx").write_text(f'<?xml version="1.0" encoding="{encoding}"?><tmx/>')
    with pytest.raises(DataError, match=rf"a\.tmx cannot be read: {reason}\.") as caught:
        read(tmp_path / "a.tmx", split="train", pair=["en", "de"])
    assert "UTF-8" in str(caught.value.hint)


def test_a_damaged_gz_is_an_error(tmp_path: Path) -> None:
    data = gzip.compress(TMX.encode() * 9)
    (tmp_path / "a.tmx.gz").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"a\.tmx\.gz"):
        read(tmp_path / "a.tmx.gz", split="train", pair=["en", "de"])


def test_a_file_is_parsed_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tmx, "CHUNK", 7)
    assert read(write(tmp_path / "a.tmx"), split="train", pair=["en", "de"]).rows == ROWS


def test_languages_and_the_source_of_the_header(tmp_path: Path) -> None:
    languages = ["de", "en-US", "fr"]
    assert tmx.languages_of(write(tmp_path / "a.tmx")) == (languages, "en-US")
    assert tmx.languages_of(write(tmp_path / "a.tmx", source="en")) == (languages, "en-US")
    assert tmx.languages_of(write(tmp_path / "a.tmx", source="*all*")) == (languages, None)


def test_a_second_variant_of_a_language_is_noted(tmp_path: Path) -> None:
    file = write(tmp_path / "a.tmx", TMX.replace('xml:lang="fr"', 'xml:lang="EN-us"'))
    corpus = read(file, split="train", text="en")
    assert corpus.rows[2] == "alone"
    assert corpus.notes == (f"{file}: 1 second variants of a language in a unit not read",)
