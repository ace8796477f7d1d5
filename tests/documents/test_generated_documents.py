"""The law of all formats, over generated documents and translators that do what they can to break
it: with the translations put back to what they were, a document is what it was, byte for byte."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import polib
import pytest

from seqlstm.documents import po, srt, tmx, xliff
from seqlstm.documents.document import Document
from seqlstm.documents.formats import DocumentFormat, check_sources
from seqlstm.documents.protected import PROTECTED
from seqlstm.documents.translation import translate_document
from seqlstm.errors import DataError
from tests.documents.translators import hostile

SEEDS = range(40)
WORDS = (
    "house",
    "%s",
    "{0}",
    "Ärger",
    "日本語",
    "42",
    "a.b",
    "<b>",
    "</b>",
    "&amp;",
    "100%",
    "-",
    "🙂",
)


def text(random: Random) -> str:
    return " ".join(random.choices(WORDS, k=random.randint(0, 5)))


def blank(random: Random) -> str:
    return random.choice(("", " ", "\n", "\n  ", "\n\t"))


def po_text(random: Random) -> str:
    def quoted(keyword: str, value: str) -> str:
        lines = [part.replace('"', '\\"') for part in value.split(" ")]
        if random.random() < 0.5:
            return f'{keyword} "{" ".join(lines)}"\n'
        return f'{keyword} ""\n' + "".join(f'"{line} \\n"\n' for line in lines)

    parts = ['msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n']
    for number in range(random.randint(1, 6)):
        parts.append(random.choice(("\n", "\n# comment\n", '\n#~ msgid "x"\n#~ msgstr ""\n')))
        parts.append(random.choice(("", "#, fuzzy\n", "#: a.c:1\n", f'msgctxt "{number}"\n')))
        parts.append(quoted("msgid", f"{number} {text(random)}"))
        plural = random.random() < 0.3
        if plural:
            parts.append(quoted("msgid_plural", text(random) + "s"))
        for form in range(random.randint(1, 3)) if plural else [""]:
            index = f"[{form}]" if plural else ""
            parts.append(quoted(f"msgstr{index}", random.choice(("", "", text(random)))))
    return "".join(parts)


def inline(random: Random) -> str:
    """Words with balanced inline elements."""
    escaped = text(random).replace("&", "&amp;").replace("<", "&lt;")
    content = random.choice(
        (escaped, f"<![CDATA[{text(random)}]]>", "", "<!-- c -->", blank(random))
    )
    if random.random() < 0.6:
        return content
    inner = inline(random)
    return (
        content
        + random.choice(
            (f"<g id='1'>{inner}</g>", f'<ph id="2" a="&lt;">{inner}</ph>', "<x id='3'/>")
        )
        + inline(random)
    )


def xliff_text(random: Random) -> str:
    units = []
    for _ in range(random.randint(1, 5)):
        target = random.choice(
            ("", "<target/>", "<target></target>", f"<target>{inline(random)}</target>")
        )
        attributes = random.choice(
            ("", " translate='no'", ' approved="yes"', " xml:space='preserve'")
        )
        units.append(
            f"<trans-unit{attributes}>{blank(random)}<source>{inline(random)}</source>"
            f"{blank(random)}{target}{blank(random)}</trans-unit>{blank(random)}"
        )
    return f"<?xml version='1.0'?><xliff version='1.2'><body>{''.join(units)}</body></xliff>"


def tmx_text(random: Random) -> str:
    units = []
    for _ in range(random.randint(1, 5)):
        content = inline(random).replace("<g ", "<hi ").replace("</g>", "</hi>")
        target = random.choice(("", "<tuv xml:lang='de'><seg/></tuv>"))
        units.append(
            f"<tu>{blank(random)}<tuv xml:lang='en'>{blank(random)}<seg>{content}</seg></tuv>"
            f"{blank(random)}{target}</tu>"
        )
    return f"<tmx version='1.4'><header srclang='en'/><body>{''.join(units)}</body></tmx>"


def srt_text(random: Random) -> str:
    return "".join(
        f"{number}\n00:00:0{number},000 --> 00:00:0{number},500\n"
        + "".join(
            f"{random.choice(('', '- ', '<i>'))}{text(random)}\n"
            for _ in range(random.randint(0, 3))
        )
        + random.choice(("\n", "\n\n", " \n"))
        for number in range(1, random.randint(2, 6))
    )


def generated(generate: Callable[[Random], str], random: Random) -> bytes:
    newline, mark = random.choice(("\n", "\r\n")), random.choice(("", "\ufeff"))
    return (mark + generate(random).replace("\n", newline)).encode()


def without_msgstr(data: bytes) -> bytes:
    kept, inside = [], False
    for line in data.split(b"\n"):
        inside = line.startswith(b"msgstr") or (inside and line.startswith(b'"'))
        kept.append(line[: line.find(b'"')] if line.startswith(b"msgstr") else line)
        if inside and not line.startswith(b"msgstr"):
            kept.pop()
    return b"\n".join(kept)


@pytest.mark.parametrize("seed", SEEDS)
def test_po(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    data = generated(po_text, random)
    written = translate_document(po.read(data, ""), hostile(random)).data
    assert without_msgstr(written) == without_msgstr(data)
    (tmp_path / "before.po").write_bytes(data)
    (tmp_path / "after.po").write_bytes(written)
    before, after = (polib.pofile(str(tmp_path / f"{name}.po")) for name in ("before", "after"))
    for old, new in zip(before, after, strict=True):
        assert (old.msgid, old.msgid_plural, old.msgctxt) == (
            *(new.msgid, new.msgid_plural, new.msgctxt),
        )
        if new.msgstr and not old.msgstr:
            assert Counter(PROTECTED.findall(new.msgid)) == Counter(PROTECTED.findall(new.msgstr))
            assert new.msgstr.endswith("\n") == new.msgid.endswith("\n")


@pytest.mark.parametrize("seed", SEEDS)
def test_xliff(seed: int) -> None:
    random = Random(seed)
    data = generated(xliff_text, random)
    written = translate_document(xliff.read(data, ""), hostile(random)).data
    target = re.compile(rb"\s*<target(?:/>|>.*?</target>)", re.DOTALL)
    assert target.sub(b"", written) == target.sub(b"", data)
    before, after = (ElementTree.fromstring(file.decode("utf-8-sig")) for file in (data, written))
    for old, new in zip(before.iter("trans-unit"), after.iter("trans-unit"), strict=True):
        source, translation = new.find("source"), new.find("target")
        assert source is not None
        if old.find("target") is None and translation is not None:
            assert elements(translation) == elements(source)
        elif translation is not None and "".join(old.find("target").itertext()).strip():
            assert ElementTree.tostring(translation) == ElementTree.tostring(old.find("target"))


def elements(element: Element) -> Counter[tuple[str, str]]:
    return Counter(
        (inner.tag, str(inner.attrib)) for inner in element.iter() if inner is not element
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_tmx(seed: int) -> None:
    random = Random(seed)
    data = generated(tmx_text, random)
    document = tmx.read(data, "", source_lang="en", target_lang="de")
    written = translate_document(document, hostile(random)).data
    added = re.compile(rb"""\s*<tuv xml:lang=['"]de['"]>.*?</tuv>""", re.DOTALL)
    assert added.sub(b"", written) == added.sub(b"", data)
    root = ElementTree.fromstring(written.decode("utf-8-sig"))
    assert len(root.findall(".//tuv/[@{http://www.w3.org/XML/1998/namespace}lang='de']")) >= len(
        document.segments
    )
    for unit in root.iter("tu"):
        source, *others = unit.iter("seg")
        for other in others:
            assert not "".join(other.itertext()).strip() or elements(other) == elements(source)


CUE = re.compile(rb"\d\r?\n00:00:0\d,000 --> 00:00:0\d,500\r?\n")


@pytest.mark.parametrize("seed", SEEDS)
def test_srt(seed: int) -> None:
    random = Random(seed)
    data = generated(srt_text, random)
    document = srt.read(data, "")
    written = translate_document(document, hostile(random)).data
    assert CUE.findall(written) == CUE.findall(data)
    for old, new in zip(CUE.split(data), CUE.split(written), strict=True):
        assert new.endswith(old[len(old.rstrip(b"\r\n ")) :])
        assert new.count(b"\n") <= old.count(b"\n")


def mutated(data: bytes, random: Random) -> bytes:
    for _ in range(random.randint(1, 4)):
        at, other = random.randrange(len(data)), random.randrange(len(data))
        inserted = random.choice((b"", bytes([random.choice(MARKS)]), data[other : other + 20]))
        data = data[:at] + inserted + data[at + random.randint(0, 3) :] or b"x"
    return data


MARKS = b'<>&"\\\n\r\0\xff\xe4 [];/!-{}%'
READERS: dict[str, Callable[..., Document]] = {
    "po": po.read,
    "xliff": xliff.read,
    "tmx": partial(tmx.read, source_lang="en", target_lang="de"),
    "srt": srt.read,
}
GENERATORS = {"po": po_text, "xliff": xliff_text, "tmx": tmx_text, "srt": srt_text}


@pytest.mark.parametrize("format", READERS)
def test_a_damaged_document_is_refused_or_read(format: str) -> None:
    """What is read in spite of the damage has the sources it had when it is written."""
    read, results = READERS[format], Counter[str]()
    for seed in range(300):
        random = Random(seed)
        data = mutated(generated(GENERATORS[format], random), random)
        try:
            document = read(data, "x")
        except DataError:
            results["refused"] += 1
            continue
        results["read"] += 1
        written = translate_document(document, hostile(random)).data
        check_sources(data, written, DocumentFormat(format), partial(read, name="x"))
    assert results["read"] > 10
    assert results["refused"] > 10
