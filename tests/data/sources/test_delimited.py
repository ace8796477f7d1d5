"""CSV and TSV: the text as written, or a refusal that names file, line and reason."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest

from seqlstm.data.sources.read import Corpus, read
from seqlstm.errors import DataError

PAIR = ["en", "de"]
HEADERLESS = "Go.\tGeh.\tCC-BY 2.0\nI see.\tAch so.\tCC-BY 3.0\n"


def corpus_of(folder: Path, name: str, data: str | bytes, **columns) -> Corpus:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read(path, split="train", **(columns or {"pair": PAIR}))


def error_of(folder: Path, name: str, data: str, **columns) -> DataError:
    with pytest.raises(DataError) as caught:
        corpus_of(folder, name, data, **columns)
    assert name in caught.value.message
    return caught.value


class TestQuotationMarks:
    def test_in_tsv_they_are_characters(self, tmp_path):
        rows = [("a", "b"), ('"', "lone"), ('"Go" now', '"Los" jetzt'), ('x"y', '"'), ("c", "d")]
        lines = "".join(f"{en}\t{de}\n" for en, de in [("en", "de"), *rows])
        assert corpus_of(tmp_path, "t.tsv", lines).rows == rows

    def test_two_lone_ones_are_no_error(self, tmp_path):
        rows = [('"', "1"), ("b", "2"), ('"', "3")]
        lines = "".join(f"{en}\t{de}\n" for en, de in [("en", "de"), *rows])
        assert corpus_of(tmp_path, "t.tsv", lines).rows == rows

    def test_cells_quoted_as_in_csv_are_noted(self, tmp_path):
        corpus = corpus_of(tmp_path, "t.tsv", 'en\tde\n"a"\tb\n"ein ""Wort"""\t"c""d"\n""\t"""\n')
        assert corpus.rows[1] == ('"ein ""Wort"""', '"c""d"')
        assert corpus.notes == (
            "t.tsv: cells that are quoted as in CSV (1 line, first in line 3) are read as written; "
            "save the table as CSV if the marks are no part of the text",
        )

    def test_in_csv_they_enclose_commas_marks_and_line_ends(self, tmp_path):
        data = 'en,de\r\n"Well, yes","Na ""ja"""\r\n"two\r\nlines\rand\nmore",x\u2028y\r\n5" tall,z'
        assert corpus_of(tmp_path, "t.csv", data).rows == [
            ("Well, yes", 'Na "ja"'),
            ("two\nlines\nand\nmore", "x\u2028y"),
            ('5" tall', "z"),
        ]

    @pytest.mark.parametrize(
        ("data", "line"), [('a,b\n"Go" now,x\n', 3), ('a,b\nc,d\n"open,x\ny,z\n', 4)]
    )
    def test_malformed_ones_name_the_line_where_the_row_begins(self, tmp_path, data, line):
        error = error_of(tmp_path, "t.csv", f"en,de\n{data}")
        assert f"line {line}: " in error.message
        assert "doubled" in error.hint


class TestText:
    @pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
    def test_nothing_is_taken_for_a_number_a_date_or_a_missing_value(self, tmp_path, name):
        texts = ["007", "1e5", "2024-05-01", "None", "null", "NA", "True", "-0.0", " x ", "1,5", ""]
        texts = texts if name == "t.tsv" else [text for text in texts if "," not in text]
        between = "," if name == "t.csv" else "\t"
        rows = [("en", "de"), *((text, text) for text in texts)]
        lines = "".join(f"{en}{between}{de}\n" for en, de in rows)
        corpus = corpus_of(tmp_path, name, lines)
        assert corpus.rows == [(text, text) for text in texts]
        assert corpus.notes == ()

    def test_the_second_file_of_a_split_is_read_as_the_first(self, tmp_path):
        (tmp_path / "a.tsv").write_text("text\nseven\n")
        (tmp_path / "b.tsv").write_text("text\n007\n")
        files = {"train": [tmp_path / "a.tsv", tmp_path / "b.tsv"]}
        assert read(files, split="train").rows == ["seven", "007"]

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
    def test_a_byte_order_mark_is_no_part_of_the_first_name(self, tmp_path, name, end):
        between = "," if name == "t.csv" else "\t"
        data = "\ufeff" + end.join([f"en{between}de", f"a{between}b\ufeff", f"c{between}d"])
        assert corpus_of(tmp_path, name, data).rows == [("a", "b\ufeff"), ("c", "d")]

    @pytest.mark.parametrize(
        ("suffix", "compress"),
        [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)],
    )
    @pytest.mark.parametrize("name", ["train.csv", "train.tsv"])
    def test_compressed_files(self, tmp_path, name, suffix, compress):
        data = "en,de\na,b\n".replace(",", "," if name == "train.csv" else "\t")
        assert corpus_of(tmp_path, f"{name}.{suffix}", compress(data.encode())).rows == [("a", "b")]
        assert read(tmp_path, split="train", pair=PAIR).rows == [("a", "b")]

    def test_a_damaged_compressed_file_is_named(self, tmp_path):
        damaged = bytearray(gzip.compress(b"en\tde\n" + b"a\tb\n" * 99))
        damaged[20] ^= 0xFF
        with pytest.raises(DataError, match=r"t\.tsv\.gz cannot be read"):
            corpus_of(tmp_path, "t.tsv.gz", bytes(damaged))

    def test_a_cell_can_be_long(self, tmp_path):
        long = "x" * 200_000
        assert corpus_of(tmp_path, "t.csv", f"text\n{long}\n", text="text").rows == [long]

    def test_a_suffix_in_capitals_is_the_same_format(self, tmp_path):
        assert corpus_of(tmp_path, "T.CSV", "en,de\na,b\n").rows == [("a", "b")]


class TestNumberOfCells:
    def test_a_column_that_the_header_lacks_shifts_no_side(self, tmp_path):
        error = error_of(tmp_path, "t.tsv", "en\tde\nGo.\tGeh.\tCC-BY\n")
        assert "line 2: 3 cells, but its first line has 2" in error.message
        assert "A tab separates cells" in error.hint

    def test_a_comma_without_quotes_shifts_no_side(self, tmp_path):
        error = error_of(tmp_path, "t.csv", "en,de\nWell, yes,Na ja\nb,c\n")
        assert "line 2: 3 cells, but its first line has 2" in error.message
        assert "needs quotes" in error.hint

    @pytest.mark.parametrize(("name", "between"), [("t.csv", ","), ("t.tsv", "\t")])
    def test_too_few_cells_name_the_line(self, tmp_path, name, between):
        lines = ["en,de,x", "a,b,c", '"q",e,f', "g,h"]
        error = error_of(tmp_path, name, "\n".join(lines).replace(",", between))
        assert "line 4: 2 cells, but its first line has 3" in error.message

    @pytest.mark.parametrize(("name", "between"), [("t.csv", ","), ("t.tsv", "\t")])
    @pytest.mark.parametrize("header", ["en,de", "en,de,"])
    def test_a_separator_at_each_lines_end_leaves_no_target_empty(
        self, tmp_path, name, between, header
    ):
        data = f"{header}\na,b,\nc,d,\n".replace(",", between)
        corpus = corpus_of(tmp_path, name, data)
        assert corpus.rows == [("a", "b"), ("c", "d")]
        ignored = (f"{name}: the last column, which is empty and has no name, is ignored",)
        assert corpus.notes == (ignored if header == "en,de" else ())

    @pytest.mark.parametrize("row", ["c\td\tx", "c\t"])
    def test_an_ignored_column_must_be_empty_everywhere(self, tmp_path, row):
        assert "line 3: " in error_of(tmp_path, "t.tsv", f"en\tde\na\tb\t\n{row}\n").message

    def test_a_blank_line_is_no_pair(self, tmp_path):
        corpus = corpus_of(tmp_path, "t.tsv", "en\tde\na\tb\n\nc\td\n\n")
        assert corpus.rows == [("a", "b"), ("c", "d")]
        assert corpus.notes == (
            't.tsv: 2 of 4 rows left out: no text in column "en" or "de" (rows 2, 4)',
        )

    @pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
    def test_a_blank_line_of_a_single_column_is_an_empty_text(self, tmp_path, name):
        assert corpus_of(tmp_path, name, "text\na\n\nb\n", text="text").rows == ["a", "", "b"]


class TestWithoutHeader:
    def test_columns_are_found_by_position_and_noted(self, tmp_path):
        corpus = corpus_of(tmp_path, "deu.tsv", HEADERLESS)
        assert corpus.rows == [("Go.", "Geh."), ("I see.", "Ach so.")]
        assert corpus.notes == (
            'deu.tsv has no header: column 1 as "en" and column 2 as "de" of 3; '
            "its first row is text: Go. | Geh.",
        )

    def test_csv_too(self, tmp_path):
        corpus = corpus_of(tmp_path, "t.csv", '"Well, yes.",Na ja.\nNo.,Nein.\n')
        assert corpus.rows == [("Well, yes.", "Na ja."), ("No.", "Nein.")]

    def test_a_separator_at_each_lines_end(self, tmp_path):
        assert corpus_of(tmp_path, "t.tsv", "a b\tc d\t\ne\tf\t\n").rows == [
            ("a b", "c d"),
            ("e", "f"),
        ]

    def test_explicit_positions_read_every_row_as_text(self, tmp_path):
        corpus = corpus_of(tmp_path, "t.tsv", "yes\tja\tx\nno\tnein\ty\n", pair=["2", "1"])
        assert corpus.rows == [("ja", "yes"), ("nein", "no")]
        assert corpus.notes == (
            "t.tsv has no header: column 2 and column 1 of 3; its first row is text: ja | yes",
        )

    def test_a_header_of_numbers_has_these_names(self, tmp_path):
        assert corpus_of(tmp_path, "t.tsv", "2\t1\na\tb\n", pair=["1", "2"]).rows == [("b", "a")]

    def test_the_only_column_is_the_text(self, tmp_path):
        assert corpus_of(tmp_path, "t.tsv", "One two.\nThree.\n", text="text").rows == [
            "One two.",
            "Three.",
        ]

    def test_which_of_two_columns_is_the_text_must_be_said(self, tmp_path):
        error = error_of(tmp_path, "t.tsv", HEADERLESS, text="text")
        assert 'no header and 3 columns: which one is "text"?' in error.message
        assert 'text = "1"' in error.hint
        assert corpus_of(tmp_path, "t.tsv", HEADERLESS, text="2").rows == ["Geh.", "Ach so."]

    @pytest.mark.parametrize(("pair", "place"), [(PAIR, 2), (["1", "4"], 4)])
    def test_a_position_that_does_not_exist(self, tmp_path, pair, place):
        error = error_of(tmp_path, "t.tsv", "One two.\nThree.\n", pair=pair)
        assert f"1 column: there is no column {place}" in error.message

    @pytest.mark.parametrize("name", ["train.de-en.tsv", "DE_EN.tsv"])
    def test_a_name_that_states_the_other_direction(self, tmp_path, name):
        error = error_of(tmp_path, name, HEADERLESS)
        assert "its name states another order of columns than en, de" in error.message
        assert '"2", "1" if the first one is de' in error.hint
        assert corpus_of(tmp_path, name, HEADERLESS, pair=["1", "2"]).rows[0] == ("Go.", "Geh.")
        assert corpus_of(tmp_path, name, HEADERLESS, pair=["de", "en"]).rows[0] == ("Go.", "Geh.")
        assert corpus_of(tmp_path, name, "en\tde\nGo.\tGeh.\n").rows == [("Go.", "Geh.")]

    def test_a_name_that_states_this_direction_or_none(self, tmp_path):
        for name in ("train.en-de.tsv", "ende.tsv", "wmt.de-en.en-de.tsv", "made-end.tsv"):
            assert corpus_of(tmp_path, name, HEADERLESS).rows[0] == ("Go.", "Geh.")

    @pytest.mark.parametrize("pair", [["2", "de"], ["de", "1"], ["en", "3"]])
    def test_positions_and_names_are_never_mixed(self, tmp_path, pair):
        error = error_of(tmp_path, "t.tsv", HEADERLESS, pair=pair)
        assert f'no header, and "{pair[0]}" and "{pair[1]}" mix names and po' in error.message
        assert error.hint == 'Name all columns by position: "1", "2".'

    @pytest.mark.parametrize(("name", "header"), [("t.csv", "id;text"), ("t.tsv", "id,text")])
    def test_a_header_with_another_separator_is_no_text(self, tmp_path, name, header):
        error = error_of(tmp_path, name, f"{header}\n1;Hello there\n", text="text")
        assert f'"{header}" is one cell' in error.message
        assert "a comma in CSV, and a tab in TSV" in error.hint

    def test_what_looks_like_a_header_must_have_the_names(self, tmp_path):
        error = error_of(tmp_path, "t.tsv", "english\tgerman\na\tb\n")
        assert 'no column "en". Its columns: english, german.' in error.message
        assert '"1", "2"' in error.hint
        error = error_of(tmp_path, "t.tsv", "en\tdee\na\tb\n")
        assert error.hint.startswith('did you mean "dee"?\nIf its first row is text')

    def test_one_of_the_names_makes_it_a_header(self, tmp_path):
        error = error_of(tmp_path, "t.csv", "en,German text\na,b\n")
        assert 'no column "de"' in error.message

    def test_a_name_must_be_unique(self, tmp_path):
        assert '2 columns "en"' in error_of(tmp_path, "t.csv", "en,en,de\na,b,c\n").message

    def test_files_of_a_split_must_not_mix_both(self, tmp_path):
        (tmp_path / "a.tsv").write_text("en\tde\nyes\tja\n")
        (tmp_path / "b.tsv").write_text(HEADERLESS)
        (tmp_path / "empty.tsv").write_text("")
        files = [tmp_path / "empty.tsv", tmp_path / "a.tsv", tmp_path / "b.tsv"]
        with pytest.raises(DataError, match=r"a\.tsv has a header and b\.tsv has none"):
            read({"train": files}, split="train", pair=PAIR)
        assert read({"train": files[:2]}, split="train", pair=PAIR).rows == [("yes", "ja")]

    def test_splits_must_not_mix_both(self, tmp_path):
        """A header that turns the sides in one split would not turn them in the other."""
        (tmp_path / "train.tsv").write_text("de\ten\nja\tyes\n")
        (tmp_path / "test.tsv").write_text("Geh.\tGo.\n")
        (tmp_path / "dev.tsv").write_text("one column\n")
        assert read(tmp_path, split="train", pair=PAIR).rows == [("yes", "ja")]
        files = {split: tmp_path / f"{split}.tsv" for split in ("train", "test", "dev")}
        for source in (tmp_path, files):
            with pytest.raises(DataError, match=r"train\.tsv \(train\) has a header and test\.tsv"):
                read(source, split="test", pair=PAIR)
        del files["train"]
        assert read(files, split="test", pair=PAIR).rows == [("Geh.", "Go.")]
        (tmp_path / "train.tsv").write_text("")
        assert read(tmp_path, split="test", pair=PAIR).rows == [("Geh.", "Go.")]

    def test_positions_mean_the_same_with_and_without_a_header(self, tmp_path):
        (tmp_path / "train.tsv").write_text("de\ten\nja\tyes\n")
        (tmp_path / "test.tsv").write_text("Geh.\tGo.\n")
        assert read(tmp_path, split="test", pair=["2", "1"]).rows == [("Go.", "Geh.")]
