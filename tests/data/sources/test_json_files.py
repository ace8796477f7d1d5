"""JSON and JSON Lines: strings as they are, and no other type."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from seqlstm.data.sources.json_files import read_json
from seqlstm.data.sources.read import Corpus, read
from seqlstm.errors import DataError

TEXTS = ["2024-05-01", "007", "1e5", "null", "", " x ", "a\tb\nc\r\nd\re", "\ufeff", "\u2028", "😀"]


def corpus_of(folder: Path, name: str, data: str, **columns) -> Corpus:
    path = folder / name
    path.write_bytes(data.encode())
    return read(path, split="train", **(columns or {"text": "t"}))


class TestText:
    @pytest.mark.parametrize("escaped", [True, False])
    def test_strings_of_every_form_of_file(self, tmp_path, escaped):
        rows = [{"t": text, "n": number} for number, text in enumerate(TEXTS)]
        written = [json.dumps(row, ensure_ascii=escaped) for row in rows]
        for name, data in [
            ("t.jsonl", "\n".join(written)),
            ("crlf.ndjson", "\r\n".join(written) + "\r\n"),
            ("mark.jsonl", "\ufeff" + "\n\n".join(written)),
            ("array.json", f"\ufeff [{','.join(written)}]\n"),
            ("indented.json", json.dumps(rows, ensure_ascii=escaped, indent=2)),
            ("lines.json", "\n".join(written)),
            ("sequence.json", "\n".join(json.dumps(row, indent=2) for row in rows)),
        ]:
            assert corpus_of(tmp_path, name, data).rows == TEXTS, name

    def test_an_array_of_strings_is_a_column_of_text(self, tmp_path):
        assert corpus_of(tmp_path, "t.json", '["a", "b"]', text="text").rows == ["a", "b"]

    def test_compressed(self, tmp_path):
        path = tmp_path / "t.json.gz"
        path.write_bytes(gzip.compress(b'[{"t": "a"}]'))
        assert read(path, split="train", text="t").rows == ["a"]

    def test_a_dotted_name_is_nested_or_a_key(self, tmp_path):
        rows = [{"a": {"b": {"c": "1"}}, "a.d": "2"}, {"a": {"b": {"c": "3"}}, "a.d": "4"}]
        data = "\n".join(map(json.dumps, rows))
        pair = ["a.b.c", "a.d"]
        assert corpus_of(tmp_path, "t.jsonl", data, pair=pair).rows == [("1", "2"), ("3", "4")]

    def test_the_field_that_a_configuration_names(self, tmp_path):
        path = tmp_path / "t.json"
        path.write_text('{"version": 1, "data": [{"t": "a"}]}')
        assert [*read_json(path, ("t",), field="data").rows] == [("a",)]
        with pytest.raises(DataError, match='no object with a list "rows"'):
            read_json(path, ("t",), field="rows").rows.__next__()


class TestMissingCells:
    def test_null_and_absent_leave_out_the_whole_pair(self, tmp_path):
        rows = [
            {"en": "a", "de": "b"},
            {"en": "c", "de": None},
            {"en": "d"},
            {"en": "e", "de": "f"},
            {"de": "g"},
            {"en": None, "de": None},
        ]
        data = "\n".join(map(json.dumps, rows))
        corpus = corpus_of(tmp_path, "t.jsonl", data, pair=["en", "de"])
        assert corpus.rows == [("a", "b"), ("e", "f")]
        assert corpus.notes == (
            't.jsonl: 4 of 6 rows left out: no text in column "en" or "de" (rows 2, 3, 5, …)',
        )

    def test_nested_null(self, tmp_path):
        data = '{"t": {"en": "a"}}\n{"t": null}\n{"t": {}}'
        corpus = corpus_of(tmp_path, "t.jsonl", data, text="t.en")
        assert corpus.rows == ["a"]
        assert "2 of 3 rows left out" in corpus.notes[0]

    def test_only_missing_cells_are_an_empty_split(self, tmp_path):
        with pytest.raises(DataError, match=r'split "train" is empty') as caught:
            corpus_of(tmp_path, "t.jsonl", '{"t": null}')
        assert caught.value.hint == ('t.jsonl: 1 of 1 rows left out: no text in column "t" (row 1)')


class TestRefusals:
    @pytest.mark.parametrize(
        ("value", "held"),
        [
            ("7", "a number (7)"),
            ("1.50", "a number (1.5)"),
            ("true", "a truth value (true)"),
            ('["a"]', 'a list (["a"])'),
            ('{"a": 1}', 'an object ({"a": 1})'),
        ],
    )
    @pytest.mark.parametrize("name", ["t.jsonl", "t.json"])
    def test_another_type_names_file_row_column_and_value(self, tmp_path, name, value, held):
        with pytest.raises(DataError) as caught:
            corpus_of(tmp_path, name, f'{{"t": "a"}}\n{{"t": {value}}}\n')
        place = "line 2" if name == "t.jsonl" else "row 2"
        assert caught.value.message.endswith(f'{name}, {place}: column "t" holds {held}, not text.')

    def test_a_key_must_be_unique(self, tmp_path):
        with pytest.raises(DataError, match='line 2: an object has the key "t" twice'):
            corpus_of(tmp_path, "t.jsonl", '{"t": "a"}\n{"t": "b", "n": 1, "t": "c"}\n')

    def test_a_row_that_is_no_object(self, tmp_path):
        with pytest.raises(DataError, match=r"line 2: a list .*, not an object with columns"):
            corpus_of(tmp_path, "t.jsonl", '{"t": "a"}\n["b"]\n')

    def test_a_column_that_no_row_has_lists_the_existing_ones(self, tmp_path):
        data = '{"a": {"en": "x", "de": "y"}, "id": 1}\n'
        with pytest.raises(DataError, match=r'no column "a.e".*: a\.en, a\.de, id\.') as caught:
            corpus_of(tmp_path, "t.jsonl", data, text="a.e")
        assert caught.value.hint == 'did you mean "a.en"?'

    @pytest.mark.parametrize("half", ["\\ud800", "x\\uDFFFy", "\\udc00\\ud800"])
    def test_half_a_surrogate_pair_is_no_text(self, tmp_path, half):
        with pytest.raises(DataError, match=r'line 1: column "t" holds .*half of a surrogate pair'):
            corpus_of(tmp_path, "t.jsonl", f'{{"t": "{half}"}}\n')

    def test_a_whole_surrogate_pair_is_one_character(self, tmp_path):
        assert corpus_of(tmp_path, "t.jsonl", '{"t": "\\ud83d\\ude00"}').rows == ["😀"]

    @pytest.mark.parametrize(
        ("name", "data", "line"),
        [
            ("t.json", '[\n{"t": "a"},\n{"t": }]', 3),
            ("t.json", '{"t": "a"}\n\n{"t": "b"}}\n', 3),
            ("t.jsonl", '{"t": "a"}\n{"t": "b"\n}\n', 2),
            ("t.jsonl", '{"t": "a"}\n' + "[" * 100_000 + "\n", 2),
            ("t.jsonl", '{"t": "a"}\n{"t": ' + "9" * 5000 + "}\n", 2),
        ],
    )
    def test_malformed_json_names_the_line(self, tmp_path, name, data, line):
        with pytest.raises(DataError, match=rf"{name}, line {line}: "):
            corpus_of(tmp_path, name, data)
