"""`seqlstm tokenizer`: train, encode and decode."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqlstm.text.tokenizer import Tokenizer
from tests.runs import answer, invoke, pairs_of, refusal, write_lines, write_table

LINES = ["The child sees  the house.", "", "Zwölf ▁ 🙂"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    text = write_lines(folder / "text.txt", [line for line, _ in pairs_of("train")])
    model = folder / "made.model"
    result = invoke("tokenizer", "train", text, "-o", model, "--vocab-size", 305)
    assert result.exit_code == 0, result.output
    assert "made.model: unigram, 305 pieces, " in result.stderr
    return model


def test_decode_inverts_encode(model: Path, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "lines.txt", LINES)
    ids = answer("tokenizer", "encode", model, file)
    assert len(ids.splitlines()) == len(LINES)
    assert answer("tokenizer", "encode", model, text=file.read_bytes()) == ids
    assert answer("tokenizer", "decode", model, text=ids) == file.read_text(encoding="utf-8")


def test_ids_and_pieces_equal_the_api(model: Path) -> None:
    tokenizer = Tokenizer.load(model)
    ids = tokenizer.encode(LINES[0])
    assert answer("tokenizer", "encode", model, text=LINES[0]) == " ".join(map(str, ids)) + "\n"
    pieces = answer("tokenizer", "encode", model, "--pieces", text=LINES[0])
    assert pieces.split() == tokenizer.pieces(ids)


def test_a_pair_trains_on_both_columns(tmp_path: Path) -> None:
    rows = [*pairs_of("train"), ("x", None)]
    table = write_table(tmp_path / "rows.jsonl", ("en", "de"), rows)
    model = tmp_path / "both.model"
    options = ("--pair", "en", "de", "--model-type", "char", "--vocab-size", 400)
    result = invoke("tokenizer", "train", table, "-o", model, *options)
    assert 'rows.jsonl: 1 of 201 rows left out: no text in column "de" (row 201)\n' in result.stderr
    tokenizer = Tokenizer.load(model)
    assert tokenizer.model_type == "char"
    assert "Ä" in tokenizer.pieces(range(tokenizer.vocab_size))


def test_a_closed_vocabulary_has_only_words(tmp_path: Path) -> None:
    text = write_lines(tmp_path / "text.txt", ["Nobody sells <unk>", "Nobody sells tea"])
    model = tmp_path / "words.model"
    answer("tokenizer", "train", text, "-o", model, "--model-type", "word", "--closed-vocabulary")
    pieces = answer("tokenizer", "encode", model, "--pieces", text=" Nobody  sells coffee ")
    assert pieces.split() == ["▁Nobody", "▁sells", "▁<unk>"]
    command = ["tokenizer", "train", text, "-o", model, "--overwrite"]
    error = refusal(*command, "--closed-vocabulary")
    assert "of words, not of type unigram" in error


@pytest.mark.parametrize("wrong", ["4 x 5", "4 -1", "99999", "1.5"])
def test_a_wrong_id_has_a_line_number(model: Path, wrong: str) -> None:
    error = refusal("tokenizer", "decode", model, text=f"5 6\n{wrong}\n")
    assert "line 2: " in error
    assert "whole numbers from 0 to 304" in error


def test_a_missing_or_broken_model(tmp_path: Path) -> None:
    assert "cannot be read" in refusal("tokenizer", "encode", tmp_path / "no.model", text="x")
    (tmp_path / "bad.model").write_bytes(b"nonsense")
    error = refusal("tokenizer", "encode", tmp_path / "bad.model", text="x")
    assert "bad.model: not a SentencePiece model" in error


def test_a_vocabulary_that_is_too_large(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "text.txt", ["a few words"])
    error = refusal("tokenizer", "train", file, "-o", tmp_path / "x.model", "--vocab-size", 9000)
    assert "too large" in error
    assert not (tmp_path / "x.model").exists()


def test_an_output_in_a_missing_folder(model: Path, tmp_path: Path) -> None:
    output = tmp_path / "no" / "such" / "folder.model"
    text = model.parent / "text.txt"
    error = refusal("tokenizer", "train", text, "-o", output, "--vocab-size", 305)
    assert "folder.model" in error


def test_symbols_and_patterns_are_kept_whole(tmp_path: Path) -> None:
    lines = [f"<b>{line}</b> {{{number}}}" for number, (line, _) in enumerate(pairs_of("train"))]
    text, model = write_lines(tmp_path / "text.txt", lines), tmp_path / "made.model"
    options = ("--vocab-size", 360, "--keep", "%s", "--keep-pattern", r"\{\d+\}")
    result = invoke("tokenizer", "train", text, "-o", model, *options, "--keep-pattern", "</?b>")
    assert result.exit_code == 0, result.output
    assert "24 of 202 matches of keep_patterns are symbols" in result.stderr
    tokenizer = Tokenizer.load(model)
    assert list(tokenizer.symbols)[:3] == ["%s", "</b>", "<b>"]
    pieces = answer("tokenizer", "encode", model, "--pieces", text="the<b>boat</b>%s")
    assert {"<b>", "</b>", "%s"} <= {*pieces.split()}


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("--keep", "", "it is empty"),
        ("--keep", "a▁b", "it has ▁ in it"),
        ("--keep-pattern", "(", "not a regular expression"),
        ("--keep-pattern", "x*", "matches an empty text"),
    ],
)
def test_symbols_that_cannot_be_kept(tmp_path: Path, option: str, value: str, problem: str) -> None:
    text, model = write_lines(tmp_path / "text.txt", LINES), tmp_path / "made.model"
    assert problem in refusal("tokenizer", "train", text, "-o", model, option, value)
    assert not model.exists()
