"""Columns that are found without a request: headers, first rows, and the pair that they state."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from seqlstm.data.sources.columns import columns_of
from seqlstm.data.sources.directions import find_pair
from seqlstm.data.sources.read import read
from seqlstm.errors import DataError
from tests.runs import write_lines

SENTENCES = ["How are you?\tWie geht es?", "red car\trotes Auto"]
ROWS = [tuple(line.split("\t")) for line in SENTENCES]


def table(folder: Path, *lines: str, name: str = "t.tsv") -> Path:
    return write_lines(folder / name, lines)


class TestHeaders:
    """`columns_of` and `read` see the same header."""

    @pytest.mark.parametrize(
        ("lines", "pair", "rows"),
        [
            (["it\tes", *SENTENCES], ("it", "es"), ROWS),
            (["Hello\tHallo", *SENTENCES], ("Hello", "Hallo"), ROWS),
            (["en\tde\t", *(f"{line}\t" for line in SENTENCES)], ("en", "de"), ROWS),
            (["en\tde", *(f"{line}\t" for line in SENTENCES)], ("en", "de"), ROWS),
            (["1\teins", "2\tzwei"], ("1", "2"), [("1", "eins"), ("2", "zwei")]),
            (["Hello.\tHallo.\t", *(f"{line}\t" for line in SENTENCES)], ("1", "2"), None),
            (["yes\tja", "no\tnein"], ("1", "2"), [("yes", "ja"), ("no", "nein")]),
        ],
    )
    def test_the_pair_that_is_found_is_read(self, tmp_path, lines, pair, rows):
        file = table(tmp_path, *lines)
        found = find_pair(str(file))
        assert found is not None
        assert found[0] == pair
        assert columns_of(file) == [*pair]
        expected = [("Hello.", "Hallo."), *ROWS] if rows is None else rows
        assert read(file, split="train", pair=pair).rows == expected

    @pytest.mark.parametrize("first", ["Hello\tHallo", "你好\tこんにちは", "no\tnein"])
    def test_single_words_that_may_be_text_are_noted(self, tmp_path, first):
        found = find_pair(str(table(tmp_path, first, *SENTENCES)))
        assert found is not None
        shown = first.replace("\t", " | ")
        assert found[1].endswith(f"t.tsv; its first row, {shown}, is taken as names of columns")

    @pytest.mark.parametrize("first", ["it\tes", "source\ttarget"])
    def test_languages_and_sides_are_names(self, tmp_path, first):
        found = find_pair(str(table(tmp_path, first, *SENTENCES)))
        assert found is not None
        assert found[1].endswith(f"from the columns of {tmp_path / 't.tsv'}")

    def test_a_header_of_positions_is_noted(self, tmp_path):
        corpus = read(table(tmp_path, "2\t1", "a\tb"), split="train", pair=["1", "2"])
        assert corpus.rows == [("b", "a")]
        assert corpus.notes == ("t.tsv: its first row, 2 | 1, is taken as names of columns",)

    @pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
    def test_an_empty_file(self, tmp_path, name):
        with pytest.raises(DataError, match="is empty"):
            columns_of(table(tmp_path, "", name=name))


class TestPairs:
    @pytest.mark.parametrize("header", ["id,en", "ID,en", "id,en,licence"])
    def test_the_number_of_a_row_is_no_side(self, tmp_path, header):
        file = table(tmp_path, header, "1,Hello there.,x"[: -2 if header.count(",") == 1 else None])
        with pytest.raises(DataError, match="which one is the source is not stated"):
            find_pair(str(file))

    def test_indonesian_is_a_side_where_columns_are_nested(self, tmp_path):
        row = json.dumps({"translation": {"id": "ya", "en": "yes"}})
        found = find_pair(str(table(tmp_path, row, name="t.jsonl")))
        assert found is not None
        assert found[0] == ("translation.id", "translation.en")


class TestFirstRows:
    """What `read` reads, `columns_of` reads too; what it refuses is refused in the same way."""

    @pytest.mark.parametrize(
        "value", ["9" * 5000, "[" * 100_000, '{"a":' * 100_000], ids=["digits", "lists", "objects"]
    )
    @pytest.mark.parametrize("name", ["t.jsonl", "t.json"])
    def test_numbers_and_nesting_without_end(self, tmp_path, name, value):
        file = table(tmp_path, f'{{"t": {value}}}', name=name)
        with pytest.raises(DataError, match=r"t\.jsonl?"):
            columns_of(file)

    def test_an_array_of_strings(self, tmp_path):
        file = table(tmp_path, '["a b", "c d"]', name="t.json")
        assert columns_of(file) == ["text"]
        assert read(file, split="train", text="text").rows == ["a b", "c d"]

    def test_null_in_the_first_row_hides_no_column(self, tmp_path):
        rows = [{"en": None, "n": 1, "de": "a"}, {"en": "b", "n": 2, "de": None, "more": None}]
        assert columns_of(table(tmp_path, *map(json.dumps, rows), name="t.jsonl")) == ["en", "de"]
        nested = [{"translation": None}, {"translation": {"en": "a", "de": "b"}}]
        file = table(tmp_path, json.dumps(nested), name="t.json")
        assert columns_of(file) == ["translation.en", "translation.de"]

    def test_no_column_of_text(self, tmp_path):
        with pytest.raises(DataError, match="has no column of text"):
            columns_of(table(tmp_path, '{"n": 1}', name="t.jsonl"))

    def test_a_long_cell_before_anything_was_read(self, tmp_path):
        long = "x y " * 50_000
        csv.field_size_limit(131_072)  # the default of the module
        assert columns_of(table(tmp_path, "en,de", f"{long},b", name="t.csv")) == ["en", "de"]

    @pytest.mark.parametrize(
        ("name", "header", "row"),
        [
            ("t.csv", "en,de\n", "a b,c d\n"),
            ("t.tsv", "en\tde\n", "a b\tc d\n"),
            ("t.jsonl", "", '{"en": "a b", "de": "c d"}\n'),
        ],
    )
    def test_only_the_start_of_a_file_is_read(self, tmp_path, name, header, row):
        file = tmp_path / name
        file.write_bytes(f"{header}{row * (2**21 // len(row))}".encode() + b"\xff")
        assert columns_of(file) == ["en", "de"]
        with pytest.raises(DataError, match=r"line \d+: not UTF-8"):
            read(file, split="train", pair=["en", "de"])
