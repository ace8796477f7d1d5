"""`seqlstm translate` on documents: PO, TMX, XLIFF and SRT; files that it writes; warnings."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import polib
import pytest
import srt

import seqlstm
from seqlstm.errors import ArgumentError
from seqlstm.inference.translator import LoadedTranslator
from tests.runs import answer, invoke, pairs_of, refusal

SOURCES = [source for source, _ in pairs_of("test")[:4]]
PO = f"""# German translations
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

#: main.c:1
#, fuzzy
msgid "{SOURCES[0]}\\n"
msgstr ""

msgid "kept"
msgstr "behalten"

msgid "{SOURCES[1]}"
msgid_plural "{SOURCES[2]} %d"
msgstr[0] ""
msgstr[1] ""
"""
XLIFF = f"""<?xml version="1.0"?>
<xliff version="1.2"><file source-language="en" target-language="de"><body>
  <trans-unit id="1">
    <source>{SOURCES[0]} <g id="1">{SOURCES[1]}</g></source>
  </trans-unit>
</body></file></xliff>
"""
TMX = f"""<tmx version="1.4"><header srclang="en"/><body>
  <tu><tuv xml:lang="en"><seg>{SOURCES[0]}</seg></tuv></tu>
</body></tmx>
"""
SRT = f"""1
00:00:01,000 --> 00:00:02,000
{SOURCES[0]}

2
00:00:03,000 --> 00:00:04,000
<i>{SOURCES[1]}</i>
"""
DOCUMENTS = {"po": PO, "xlf": XLIFF, "tmx": TMX, "srt": SRT}


@pytest.fixture(scope="module")
def api(translator: Path) -> LoadedTranslator:
    loaded = seqlstm.load(translator, device="cpu")
    assert isinstance(loaded, LoadedTranslator)
    return loaded


def test_a_stranger_with_a_po_file(translator: Path, api: LoadedTranslator, tmp_path: Path) -> None:
    (tmp_path / "messages.po").write_text(PO, encoding="utf-8")
    result = invoke("translate", translator, tmp_path / "messages.po", "-o", tmp_path / "de.po")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "messages.po: 3 texts translated; 1 kept" in result.stderr
    catalogue = polib.pofile(str(tmp_path / "de.po"))
    first, second = api.translate(SOURCES[:2])
    assert catalogue[0].msgstr == f"{first}\n"
    assert catalogue[1].msgstr == "behalten"
    assert catalogue[2].msgstr_plural[0] == second
    assert catalogue[2].msgstr_plural[1].count("%d") == 1
    before, after = PO.splitlines(), (tmp_path / "de.po").read_text(encoding="utf-8").splitlines()
    assert [line for line in after if not line.startswith(("msgstr", '"'))] == [
        line for line in before if not line.startswith(("msgstr", '"'))
    ]


def test_srt_and_tmx_have_the_translations_of_lines(
    translator: Path, api: LoadedTranslator, tmp_path: Path
) -> None:
    first, second = api.translate(SOURCES[:2])
    assert answer("translate", translator, "--format", "srt", text=SRT) == SRT.replace(
        SOURCES[0], first
    ).replace(SOURCES[1], second)
    expected = TMX.replace("</tuv>", f'</tuv><tuv xml:lang="de"><seg>{first}</seg></tuv>')
    assert answer("translate", translator, "--format", "tmx", text=TMX) == expected
    subtitles = tmp_path / "film.SRT"
    subtitles.write_text(SRT, encoding="utf-8")
    contents = [cue.content for cue in srt.parse(answer("translate", translator, subtitles))]
    assert contents == [first, f"<i>{second}</i>"]


def test_xliff_keeps_its_inline_elements(translator: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.xliff"
    file.write_bytes(XLIFF.replace("\n", "\r\n").encode("utf-16"))
    found = invoke("translate", translator, file).stdout_bytes.decode("utf-16")
    start, end = found.index("\r\n    <target>"), found.index("</target>") + len("</target>")
    assert found[:start] + found[end:] == XLIFF.replace("\n", "\r\n")
    assert found[start:end].count('<g id="1">') == found[start:end].count("</g>") == 1


@pytest.mark.parametrize("suffix", DOCUMENTS)
@pytest.mark.parametrize(
    "options",
    [
        *(["--scores"], ["--json"], ["--n-best", 2], ["--sample", 2], ["--attention", "a.png"]),
        *(["--prefix", "Das"], ["--force-words", "Das"]),
    ],
)
def test_options_for_lines_are_refused(
    translator: Path, tmp_path: Path, suffix: str, options: list[object]
) -> None:
    file = tmp_path / f"a.{suffix}"
    file.write_text(DOCUMENTS[suffix], encoding="utf-8")
    assert f"{options[0]} cannot take effect on documents" in refusal(
        "translate", translator, file, *options
    )


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--retranslate"], "--retranslate cannot take effect on plain text"),
        (["--target-lang", "de"], "--target-lang cannot take effect on plain text"),
        (
            ["--format", "srt", "--retranslate"],
            "--retranslate cannot take effect on documents",
        ),
        (
            ["--format", "po", "--target-lang", "de"],
            "cannot take effect on documents (po)",
        ),
        (["--format", "tmx", "--target-lang", "a b"], "--target-lang a b is no language code"),
        (["--overwrite"], "--overwrite cannot take effect without --output"),
        (
            ["--format", "po", "--errors", "replace"],
            "--errors cannot take effect on documents (po)",
        ),
        (["--output", "nowhere/a"], "nowhere/a cannot be written: No such file or directory"),
    ],
)
def test_options_without_effect_are_refused(
    translator: Path, options: list[object], problem: str
) -> None:
    assert problem in refusal("translate", translator, *options, text="a\n")


def test_retranslate(translator: Path, api: LoadedTranslator) -> None:
    found = answer("translate", translator, "--format", "po", "--retranslate", text=PO)
    assert f'msgid "kept"\nmsgstr "{api.translate(["kept"])[0]}"\n' in found


def test_an_output_is_replaced_only_if_asked(translator: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text(f"{SOURCES[0]}\n\n", encoding="utf-8")
    expected = answer("translate", translator, file)
    output = tmp_path / "b.txt"
    assert answer("translate", translator, file, "-o", output) == ""
    assert output.read_text(encoding="utf-8") == expected
    output.write_text("mine", encoding="utf-8")
    assert f"{output} exists" in refusal("translate", translator, file, "-o", output)
    assert output.read_text(encoding="utf-8") == "mine"
    answer("translate", translator, file, "-o", output, "--overwrite")
    assert output.read_text(encoding="utf-8") == expected
    assert f"{tmp_path} is a folder" in refusal(
        "translate", translator, file, "-o", tmp_path, "--overwrite"
    )


def test_a_document_may_replace_itself(translator: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.po"
    file.write_text(PO, encoding="utf-8")
    expected = answer("translate", translator, file)
    answer("translate", translator, file, "-o", file, "--overwrite")
    assert file.read_text(encoding="utf-8") == expected
    assert answer("translate", translator, file) == expected


def test_nothing_is_written_when_a_document_is_bad(translator: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.po"
    file.write_text(f"{PO}\nmsgid broken\n", encoding="utf-8")
    error = refusal("translate", translator, file, "-o", tmp_path / "b.po")
    assert f"{file}, line {len(PO.splitlines()) + 2}: not understood: msgid broken" in error
    assert os.listdir(tmp_path) == ["a.po"]


def test_nothing_is_written_when_a_text_cannot_be_translated(
    translator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.po"
    file.write_text(PO, encoding="utf-8")
    translations = LoadedTranslator.translations

    def fail_in_the_second_call(self: LoadedTranslator, lines: list[str], **options: Any) -> Any:
        if any("%d" in line for line in lines):
            return translations(self, lines, **options)
        raise ArgumentError("no translation of this line fulfils all constraints")

    monkeypatch.setattr(LoadedTranslator, "translations", fail_in_the_second_call)
    error = refusal("translate", translator, file, "-o", tmp_path / "b.po")
    assert "no translation of this line" in error
    assert os.listdir(tmp_path) == ["a.po"]


def test_other_languages_than_the_translators_are_a_warning(translator: Path) -> None:
    text = XLIFF.replace('source-language="en"', 'source-language="fr-FR"')
    result = invoke("translate", translator, "--format", "xliff", text=text)
    assert result.exit_code == 0
    assert "states the source language fr-FR; the translator's is en" in result.stderr
    result = invoke("translate", translator, "--format", "xliff", text=XLIFF)
    assert "states" not in result.stderr


@pytest.mark.parametrize(
    ("suffix", "name", "option"),
    [("po", "PO", "po"), ("xlf", "XLIFF", "xliff"), ("tmx", "TMX", "tmx"), ("srt", "SRT", "srt")],
)
def test_a_document_among_lines_is_a_warning(
    translator: Path, tmp_path: Path, suffix: str, name: str, option: str
) -> None:
    file = tmp_path / "a.txt"
    file.write_text(DOCUMENTS[suffix], encoding="utf-8")
    for arguments, text in (([file], None), ([], DOCUMENTS[suffix])):
        result = invoke("translate", translator, *arguments, text=text)
        assert result.exit_code == 0
        assert result.stderr.count("looks like") == 1
        assert f"looks like {name}, and is translated line by line" in result.stderr
        assert f"--format {option}" in result.stderr
        assert len(result.stdout.splitlines()) == len(DOCUMENTS[suffix].splitlines())
    result = invoke("translate", translator, file, "--format", "text")
    assert "looks like" not in result.stderr


def test_ordinary_lines_are_no_warning(translator: Path) -> None:
    result = invoke("translate", translator, text="1\n<b>bold</b> text\nmsgid is a word\n{0}\n")
    assert result.exit_code == 0
    assert "warning" not in result.stderr


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"PK\x03\x04\x14\x00", "a ZIP archive, as .docx, .odt and .xlsx files are"),
        (b"%PDF-1.7\n", "a PDF document"),
        (gzip.compress(b"a\n", mtime=0), "a gzip file"),
        ("Hello\n".encode("utf-16-le"), "binary, or UTF-16 without its byte-order mark"),
    ],
)
def test_a_binary_document_is_refused(
    translator: Path, tmp_path: Path, data: bytes, kind: str
) -> None:
    file = tmp_path / "letter.docx"
    file.write_bytes(data)
    assert f"{file} is {kind}, not plain text" in refusal("translate", translator, file)
    assert f"standard input is {kind}" in refusal("translate", translator, text=data)


def test_a_missing_document(translator: Path, tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refusal("translate", translator, tmp_path / "a.po")


def test_a_session_takes_no_document(translator: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("commands.translate", "documents"):
        monkeypatch.setattr(f"seqlstm.cli.{module}.on_terminal", lambda: True)
    assert "needs a file or a pipe" in refusal("translate", translator, "--format", "po")
    assert "--output needs lines" in refusal("translate", translator, "--output", "/tmp/nowhere")
