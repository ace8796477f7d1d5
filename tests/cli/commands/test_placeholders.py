"""`translate --placeholders`: protected strings come out once each, in every way of use."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from xml.etree import ElementTree

import polib
import pytest

import seqlstm
from seqlstm.cli.decoding_options import DecodingOptions, TranslateLines
from seqlstm.cli.interactive.translating import TranslationSession
from seqlstm.errors import ArgumentError
from seqlstm.inference.placeholders import PlaceholderWarning
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.recipe.corpus import read_corpus
from seqlstm.recipe.read import read_recipe
from seqlstm.text.placeholders import MAX_PLACEHOLDERS, SYMBOL, SYMBOLS, protect
from tests.runs import TRANSLATOR, answer, invoke, pairs_of, refusal, write_lines

RECIPE = TRANSLATOR.replace("vocab_size = 320", "vocab_size = 350").replace(
    "max_length = 60", "max_length = 60\nplaceholders = 0.7"
)
LINES = [
    "The child sees a red boat today, <b>12</b> times.",
    "",
    "The child sees the house, <u>123456</u> times in https://x.org/?a=7.",
    "Everyone buys %s and {name} and %s at night.",
    "no string",
    "me@x.org",
]


def write_numbered(folder: Path) -> None:
    """Every split with a tag and a number in every pair."""
    generator = random.Random(1)
    for split in ("train", "validation", "test"):
        numbers = [generator.randint(2, 60) for _ in pairs_of(split)]
        english, german = zip(*pairs_of(split), strict=True)
        dressed = {
            "en": [f"{s[:-1]}, <b>{n}</b> times." for s, n in zip(english, numbers, strict=True)],
            "de": [f"{s[:-1]}, <b>{n}</b> Mal." for s, n in zip(german, numbers, strict=True)],
        }
        for language, lines in dressed.items():
            write_lines(folder / f"{split}.{language}", lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("placeholders")
    write_numbered(folder)
    (folder / "recipe.toml").write_text(RECIPE.format(at=folder.as_posix()), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    result = invoke("train", folder / "recipe.toml", "--run", folder / "run")
    assert result.exit_code == 0, result.output
    assert re.search(
        r"placeholders: 1\d\d of 200 training pairs have numbered symbols", result.output
    )
    return folder / "run"


@pytest.fixture(scope="module")
def loaded(run: Path) -> LoadedTranslator:
    loaded = seqlstm.load(run, device="cpu")
    assert isinstance(loaded, LoadedTranslator)
    return loaded


def check_strings(line: str, translation: str) -> None:
    """Each string of the line is in the translation as often, and no symbol is left."""
    protected = protect(line)
    assert protected is not None
    assert not SYMBOL.search(translation)
    for string in set(protected.strings.values()):
        assert translation.count(string) == list(protected.strings.values()).count(string)


def test_strings_never_seen_come_out_once(loaded: LoadedTranslator) -> None:
    translations = loaded.translate(LINES, placeholders=True)
    for line, translation in zip(LINES, translations, strict=True):
        check_strings(line, translation)
    assert translations[1] == ""


def test_file_pipe_json_and_python_are_equal(
    run: Path, loaded: LoadedTranslator, tmp_path: Path
) -> None:
    file = write_lines(tmp_path / "lines.txt", LINES)
    expected = loaded.translate(LINES, placeholders=True)
    assert answer("translate", run, file, "--placeholders").splitlines() == expected
    piped = answer("translate", run, "--placeholders", text=file.read_bytes())
    assert piped.splitlines() == expected
    objects = [
        json.loads(line)
        for line in answer("translate", run, file, "--placeholders", "--json").splitlines()
    ]
    assert [entry["source"] for entry in objects] == LINES
    assert [entry["translations"][0]["text"] for entry in objects] == expected


@pytest.mark.parametrize("beam_size", [1, 4])
def test_every_one_of_the_n_best_has_the_strings(loaded: LoadedTranslator, beam_size: int) -> None:
    several = loaded.translations(
        LINES, placeholders=True, beam_size=beam_size, n_best=beam_size, force_words=["Das Kind"]
    )
    for line, translations in zip(LINES, several, strict=True):
        assert translations
        for translation in translations:
            check_strings(line, translation.text)


def test_a_line_that_cannot_be_protected_is_translated_as_written(
    run: Path, loaded: LoadedTranslator, tmp_path: Path
) -> None:
    lines = ["The child sees 7.", "1 " * (MAX_PLACEHOLDERS + 1), "", "A woman, 8 9 10 11."]
    with pytest.warns(PlaceholderWarning, match=r"^line 12: translated as written"):
        found = loaded.translate(lines, placeholders=True, first=10)
    assert found[1] == loaded.translate([lines[1]])[0]
    with pytest.warns(PlaceholderWarning, match=r"^lines 2, 4: translated as written"):
        short = loaded.translate(lines, placeholders=True, max_length=2)
    assert short[3] == loaded.translate([lines[3]], max_length=2)[0]
    file = write_lines(tmp_path / "lines.txt", lines)
    result = invoke("translate", run, file, "--placeholders")
    assert result.exit_code == 0
    assert "line 2: translated as written" in " ".join(result.stderr.split())


PO = """msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\n"

msgid "The child sees <b>%s</b> and %ld boats today, <u>12</u> times."
msgstr ""

msgid "{0} is the house {{ of|all }} and {n, plural, one {#} other {# b}}."
msgstr ""
"""
XLIFF = """<xliff version="1.2"><file source-language="en" target-language="de"><body>
<trans-unit id="1"><source>The child <g id="a">sees</g> the red <x id="b"/> house.</source>
</trans-unit></body></file></xliff>
"""


def test_a_document_with_placeholders(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "messages.po"
    file.write_text(PO, encoding="utf-8")
    result = invoke("translate", run, file, "--placeholders", "-o", tmp_path / "de.po")
    assert result.exit_code == 0, result.output
    assert "2 texts translated; 0 kept" in " ".join(result.stderr.split())
    entries = polib.pofile(str(tmp_path / "de.po"))
    assert len(entries) == 2
    for entry in entries:
        check_strings(entry.msgid, entry.msgstr)
    found = answer("translate", run, "--placeholders", "--format", "xliff", text=XLIFF)
    target = ElementTree.fromstring(found).find(".//target")
    assert target is not None
    assert sorted((code.tag, code.get("id")) for code in target) == [("g", "a"), ("x", "b")]


def test_a_document_counts_what_is_translated_as_written(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "messages.po"
    many = "The child sees" + " <b>7</b>" * 6
    file.write_text(
        f'msgid "The child."\nmsgstr ""\n\nmsgid "{many}"\nmsgstr ""\n', encoding="utf-8"
    )
    result = invoke("translate", run, file, "--placeholders", "-o", tmp_path / "de.po")
    shown = " ".join(result.stderr.split())
    assert result.exit_code == 0, shown
    assert "1 of their sentences and pieces without placeholders" in shown
    assert "translated as written" not in shown


def test_no_symbol_comes_out_without_placeholders(loaded: LoadedTranslator) -> None:
    lines = [*LINES, "⟦1⟧ ⟦2⟧ boats"]
    for found in (
        loaded.translate(lines),
        *(
            [translation.text for translation in several]
            for several in loaded.sample(lines, samples=20, temperature=3.0, seed=1)
        ),
    ):
        assert not any(SYMBOL.search(text) for text in found)


def test_a_symbol_in_a_line_is_protected_too(loaded: LoadedTranslator) -> None:
    [found] = loaded.translate(["A woman sees ⟦3⟧ and 7."], placeholders=True)
    assert found.count("⟦3⟧") == found.count("7") == 1


def test_where_they_cannot_take_effect(run: Path, translator: Path, tmp_path: Path) -> None:
    text = "7\n"
    other = refusal("translate", translator, "--placeholders", text=text)
    assert "not trained with placeholders" in " ".join(other.split())
    assert "data.placeholders=0.5" in other
    for option in (["--sample", "2"], ["--mbr", "2"]):
        error = refusal("translate", run, "--placeholders", *option, text=text)
        assert f"--placeholders cannot take effect with {option[0]}" in error
    drawn = refusal(
        "translate", run, "--placeholders", "--attention", tmp_path / "a.png", text=text
    )
    assert "--attention cannot show placeholders" in drawn
    loaded = seqlstm.load(translator, device="cpu")
    assert isinstance(loaded, LoadedTranslator)
    with pytest.raises(ArgumentError, match="not trained with placeholders"):
        loaded.translate(["7"], placeholders=True)


def test_tokenizers_have_the_symbols(folder: Path, loaded: LoadedTranslator) -> None:
    assert set(SYMBOLS) <= loaded.tokenizers.target.symbols.keys()
    recipe = folder / "recipe.toml"
    sides = read_corpus(
        read_recipe(str(recipe), ["tokenizer.joint=false", "tokenizer.vocab_size=335"])
    ).tokenizers
    assert set(SYMBOLS) <= sides.source.symbols.keys() & sides.target.symbols.keys()
    text = folder / "train.en"
    for options in ([], ["--placeholders"]):
        model = folder / "own.model"
        answer(
            "tokenizer", "train", text, "-o", model, "--vocab-size", 325, "--overwrite", *options
        )
        arguments = ("check", recipe, f'tokenizer={{file="{model.as_posix()}"}}')
        if options:
            assert "placeholders: 1" in answer(*arguments)
        else:
            error = refusal(*arguments)
            assert "needs the symbols ⟦1⟧ to ⟦16⟧" in error
            assert "--placeholders" in error


def test_a_resumed_run_reads_the_same_pairs(folder: Path) -> None:
    recipe = read_recipe(str(folder / "recipe.toml"), [])
    first = read_corpus(recipe)
    again = read_corpus(recipe, first.tokenizers)
    assert first.train.rows == again.train.rows
    assert first.ids == again.ids
    plain = read_corpus(read_recipe(str(folder / "recipe.toml"), ["data.placeholders=0.0"]))
    assert plain.fingerprints == first.fingerprints
    assert plain.train.rows != first.train.rows


def test_a_run_reports_the_matches_of_its_patterns(folder: Path) -> None:
    overrides = ["tokenizer.keep_patterns=['</?\\w+>', '\\d\\d']", "tokenizer.keep=['Mal']"]
    corpus = read_corpus(read_recipe(str(folder / "recipe.toml"), overrides))
    symbols = corpus.tokenizers.target.symbols
    assert {*SYMBOLS, "Mal", "<b>", "</b>"} <= symbols.keys()
    [note] = [line for line in corpus.report if "keep_patterns" in line]
    assert note.startswith(f"{len(symbols) - len(SYMBOLS) - 1} of ")


def test_a_session_protects_and_counts_its_lines(loaded: LoadedTranslator) -> None:
    shown: list[str] = []

    def show(translate: TranslateLines, lines: list[str], first: int, **_: object) -> None:
        shown.extend(several[0].text for several in translate(lines, first))

    session = TranslationSession(loaded, DecodingOptions(placeholders=True), scores=False)
    with pytest.warns(PlaceholderWarning, match="^line 2:"):
        session.run(["The child sees <u>77</u>.", "1 " * 17], show)
    check_strings("The child sees <u>77</u>.", shown[0])


def test_text_without_strings_is_refused(folder: Path, tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        for language in ("en", "de"):
            write_lines(tmp_path / f"{split}.{language}", ["no string"] * 9)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE.format(at=tmp_path.as_posix()), encoding="utf-8")
    assert "data.placeholders cannot take effect" in " ".join(refusal("check", recipe).split())
