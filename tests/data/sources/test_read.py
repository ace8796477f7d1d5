import gzip
import random
import re
from pathlib import Path

import pytest

from seqlstm.data.sources.read import Corpus, read
from seqlstm.errors import DataError
from tests.data.tables import FORMATS, PAIRS, write_table

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no shared/data beside the checkout")


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


class TestFormats:
    @pytest.mark.parametrize("suffix", FORMATS)
    def test_a_folder_a_file_and_files_by_split_have_the_same_rows(self, tmp_path, suffix):
        folder = tmp_path / "set"
        file = write_table(folder, f"train.{suffix}")
        for source in (str(folder), folder, str(file), {"train": str(file)}, {"train": [file]}):
            assert read(source, split="train", pair=["en", "de"]).rows == PAIRS
            assert read(source, split="train", text="de").texts == [de for _, de in PAIRS]

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_any_text_comes_back_as_it_was_written(self, tmp_path, suffix):
        tsv = suffix == "tsv"  # its cells have neither tabs nor line ends
        odd = " \x00\x0b\x1c\x85\xa0\ufeff\u2028é\U0001f600\",;'\\0ae1-." + (
            "" if tsv else "\t\r\n"
        )
        source = random.Random(1)
        texts = ["".join(source.choices(odd, k=source.randrange(8))) for _ in range(2000)]
        rows = list(zip(texts, reversed(texts), strict=True))
        file = write_table(tmp_path / "set", f"train.{suffix}", rows)
        corpus = read(file, split="train", pair=["en", "de"])
        if suffix == "csv":  # a line end in quotes is "\n"
            rows = [tuple(re.sub("\r\n?", "\n", text) for text in row) for row in rows]
        assert corpus.rows == rows

    def test_nested_columns_are_dotted(self, tmp_path):
        path = tmp_path / "train.jsonl"
        path.write_text('{"translation": {"en": "yes", "de": "ja"}}\n')
        assert read(path, split="train", pair=["translation.en", "translation.de"]).pairs == [
            ("yes", "ja")
        ]

    def test_several_files_of_a_split_are_concatenated(self, tmp_path):
        first = write_table(tmp_path, "b.jsonl", [("1", "2")])
        second = write_table(tmp_path, "a.jsonl", [("3", "4")])
        assert read({"train": [first, second]}, split="train", text="en").rows == ["1", "3"]

    def test_files_of_several_formats_are_read_each_in_its_own(self, tmp_path):
        files = [write_table(tmp_path, f"t.{suffix}") for suffix in FORMATS]
        assert read({"train": files}, split="train", pair=["en", "de"]).rows == PAIRS * len(FORMATS)
        by_split = {"train": files[0], "test": files[-1]}
        assert read(by_split, split="test", pair=["de", "en"]).rows == [row[::-1] for row in PAIRS]


WRITTEN = "\ufeffa\rb\n\nc\u2028d\r\ne \n\x0cf\x85\n\ng"
TEXT = "a\nb\n\nc\u2028d\ne \n\x0cf\x85\n\ng"  # with universal newlines


class TestPlainText:
    @pytest.mark.parametrize("end", ["", "\n", "\n\n"])
    @pytest.mark.parametrize("compressed", [False, True])
    def test_rows_joined_are_the_text(self, tmp_path, end, compressed):
        data = (WRITTEN + end).encode()
        name = "train.txt.gz" if compressed else "train.txt"
        file = tmp_path / "set" / name
        file.parent.mkdir()
        file.write_bytes(gzip.compress(data) if compressed else data)
        for source in (file.parent, file, {"train": file}):
            rows = read(source, split="train").rows
            assert "\n".join(rows) == (TEXT + end).removesuffix("\n")

    def test_two_files_are_pairs_line_by_line(self, tmp_path):
        (tmp_path / "t.en").write_text("one\n\nthree\n")
        (tmp_path / "t.de.gz").write_bytes(gzip.compress(b"eins\nzwei\ndrei"))
        files = {"train": [str(tmp_path / "t.en"), str(tmp_path / "t.de.gz")]}
        corpus = read(files, split="train", pair=["en", "de"])
        assert corpus.pairs == [("one", "eins"), ("", "zwei"), ("three", "drei")]

    def test_unequal_files_name_both_counts(self, tmp_path):
        (tmp_path / "t.en").write_text("one\ntwo\nthree\n")
        (tmp_path / "t.de").write_text("eins\nzwei\n")
        files = {"train": [tmp_path / "t.en", tmp_path / "t.de"]}
        with pytest.raises(DataError, match=r"t\.en has 3 lines, .*t\.de has 2"):
            read(files, split="train", pair=["en", "de"])

    def test_pairs_need_two_files(self, tmp_path):
        (tmp_path / "t.txt").write_text("one\n")
        with pytest.raises(DataError, match="two files a split"):
            read(tmp_path / "t.txt", split="train", pair=["en", "de"])

    def test_its_only_column_is_text(self, tmp_path):
        (tmp_path / "t.txt").write_text("one\n")
        with pytest.raises(DataError, match='no column "body"'):
            read(tmp_path / "t.txt", split="train", text="body")


class TestSplits:
    @pytest.fixture
    def folder(self, tmp_path):
        for name, count in (("train", 10), ("val", 3), ("test", 2)):
            rows = [(f"{name} {row}", "") for row in range(count)]
            write_table(tmp_path / "set", f"{name}.jsonl", rows)
        return tmp_path / "set"

    def rows(self, source, split):
        return list(read(source, split=split, text="en").rows)

    @pytest.mark.parametrize("alias", ["validation", "valid", "val", "dev"])
    def test_validation_has_many_names(self, folder, alias):
        expected = ["val 0", "val 1", "val 2"]
        assert self.rows(folder, alias) == expected
        for called in ("validation", "val", "dev"):
            assert self.rows({called: folder / "val.jsonl"}, alias) == expected

    def test_a_sum_keeps_its_order(self, folder):
        assert self.rows(folder, "test+val") == self.rows(folder, "test") + self.rows(folder, "val")

    def test_slices_are_those_of_datasets(self, folder):
        import datasets

        for split in ("train[:3]", "train[3:]", "train[-2:]", "train[:33%]", "train[33%:66%]"):
            theirs = datasets.load_dataset(str(folder), split=split)["en"][:]
            assert self.rows(folder, split) == theirs, split

    def test_a_missing_split_lists_the_existing_ones(self, folder):
        with pytest.raises(DataError, match=r'no split "tesst".*train, validation, test') as caught:
            self.rows(folder, "tesst")
        assert caught.value.hint == 'did you mean "test"?'

    def test_a_source_with_only_a_train_split_can_be_sliced(self, folder):
        with pytest.raises(DataError, match='no split "validation"') as caught:
            self.rows(folder / "train.jsonl", "validation")
        assert "train[98%:]" in caught.value.hint

    @pytest.mark.parametrize("split", ["train[", "", "train+", "train[1:2:3]", "train[50pct:]"])
    def test_an_invalid_split_expression_is_an_error(self, folder, split):
        with pytest.raises(DataError, match="names no split"):
            self.rows(folder, split)

    def test_an_empty_split_is_an_error(self, tmp_path):
        (tmp_path / "t.txt").write_text("")
        with pytest.raises(DataError, match='the split "train" is empty'):
            read(tmp_path / "t.txt", split="train")


class TestMistakes:
    def test_a_missing_column_lists_the_existing_ones(self, tmp_path):
        path = write_table(tmp_path, "t.jsonl")
        with pytest.raises(DataError, match=r'no column "dee".*en, de') as caught:
            read(path, split="train", pair=["en", "dee"])
        assert caught.value.hint == 'did you mean "de"?'

    @pytest.mark.parametrize(
        ("name", "before"), [("t.txt", b"a\n"), ("t.jsonl", b'{"a": "x"}\n'), ("t.csv", b"a,b\n")]
    )
    def test_invalid_utf8_names_file_and_line(self, tmp_path, name, before):
        path = tmp_path / name
        path.write_bytes(before + b"x\xff\n")
        for source in (path, {"train": path}):
            with pytest.raises(DataError, match=rf"{name}, line 2: not UTF-8 \(byte 0xff\)"):
                read(source, split="train", text="text")

    @pytest.mark.parametrize("name", ["t.jsonl", "t.csv", "t.tsv", "t.csv.gz", "t.tsv.gz"])
    def test_invalid_utf8_far_down_names_its_line(self, tmp_path, name):
        row = b'{"text": "x"}\r\n' if name == "t.jsonl" else b"text\r\n"
        data = row * 20_000 + b"\xff\r\n" + row
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        with pytest.raises(DataError, match=rf"{name}, line 20001: not UTF-8 \(byte 0xff\)"):
            read(path, split="train")

    @pytest.mark.parametrize("name", ["t.jsonl", "t.json", "t.csv", "t.tsv", "t.txt"])
    @pytest.mark.parametrize("encoding", ["UTF-16", "UTF-32"])
    def test_another_encoding_is_named_by_its_mark(self, tmp_path, name, encoding):
        path = tmp_path / name
        path.write_bytes("text\nx\n".encode(encoding))
        with pytest.raises(DataError, match=rf"{name} is {encoding}, as its byte-order mark"):
            read(path, split="train")

    def test_a_folder_is_checked_for_utf8_too(self, tmp_path):
        folder = tmp_path / "set"
        folder.mkdir()
        (folder / "train.jsonl").write_bytes(b'{"a": "x"}\n{"a": "\xff"}\n')
        with pytest.raises(DataError, match=r"train\.jsonl, line 2: not UTF-8"):
            read(folder, split="train", text="a")

    @pytest.mark.parametrize("line", ['{"a":', "nope", '{"a": "y"}}'])
    def test_malformed_json_names_file_and_line(self, tmp_path, line):
        folder = tmp_path / "set"
        folder.mkdir()
        (folder / "train.jsonl").write_text(f'{{"a": "x"}}\n\n{line}\n{{"a": "z"}}\n')
        for source in (folder, folder / "train.jsonl"):
            with pytest.raises(DataError, match=r"train\.jsonl, line 3: "):
                read(source, split="train", text="a")

    def test_malformed_csv_names_the_line(self, tmp_path):
        path = tmp_path / "t.csv"
        path.write_text("a,b\nx,y\n1,2,3\n")
        with pytest.raises(DataError, match="line 3"):
            read(path, split="train", text="a")

    def test_a_damaged_gz_is_an_error(self, tmp_path):
        path = tmp_path / "t.txt.gz"
        path.write_bytes(gzip.compress(b"hello" * 100)[:20])
        with pytest.raises(DataError, match=r"t\.txt\.gz cannot be read"):
            read(path, split="train")

    @pytest.mark.parametrize("source", ["./nowhere", "/no/such", "~/nowhere", "no/such.jsonl"])
    def test_a_missing_path_is_not_requested_from_the_hub(self, source):
        with pytest.raises(DataError, match="There is no file or folder"):
            read(source, split="train")

    def test_a_missing_file_of_a_split_is_named(self, tmp_path):
        with pytest.raises(DataError, match=r"There is no file .*gone\.txt"):
            read({"train": tmp_path / "gone.txt"}, split="train")

    def test_a_folder_without_data_is_an_error(self, tmp_path):
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError, match="empty cannot be read"):
            read(tmp_path / "empty", split="train")

    def test_tables_and_plain_text_together_are_an_error(self, tmp_path):
        (tmp_path / "b.txt").write_text("one\n")
        files = {"train": write_table(tmp_path, "a.csv"), "test": tmp_path / "b.txt"}
        with pytest.raises(DataError, match="tables and plain text"):
            read(files, split="train", text="en")

    def test_settings_without_an_effect_are_refused(self, tmp_path):
        path = write_table(tmp_path, "a.csv")
        with pytest.raises(DataError, match=r'data\.revision = "main" means nothing'):
            read(path, split="train", text="en", revision="main")
        with pytest.raises(DataError, match=r'data\.name = "x" means nothing for "dates"'):
            read("dates", split="train", name="x")


class TestBuiltIn:
    def test_splits_have_aliases_and_sums_here_too(self):
        held_out = read("dates", split="val+test")
        assert len(held_out) == 1500
        assert held_out.rows == [
            *read("dates", split="validation").rows,
            *read("dates", split="test").rows,
        ]

    def test_dates_has_pairs_and_python_docs_has_text(self):
        with pytest.raises(DataError, match="which has pairs"):
            read("dates", split="train", text="text")
        with pytest.raises(DataError, match="plain text"):
            read("python-docs", split="train", pair=["en", "de"])


class TestCorpus:
    def test_the_fingerprint_depends_only_on_rows_and_their_order(self):
        def fingerprint(*rows):
            return Corpus(list(rows), "n", "s").fingerprint

        assert fingerprint("a", "b") == Corpus(["a", "b"], "other", "other").fingerprint
        different = [("a", "b"), ("b", "a"), ("ab",), ("a", "b", ""), (("a", "b"),), ("1:1:a",)]
        assert len({fingerprint(*rows) for rows in different}) == len(different)
        assert fingerprint("a", "b") == "29a32071dbdd"

    def test_both_text_and_pair_is_a_programmers_mistake(self):
        with pytest.raises(ValueError, match="both"):
            read("dates", split="train", text="a", pair=["en", "de"])


@needs_shared
class TestRealData:
    @pytest.mark.parametrize(
        ("split", "rows"), [("val", 1014), ("validation", 1014), ("test", 1000)]
    )
    def test_multi30k(self, split, rows):
        assert len(read(SHARED / "multi30k", split=split, pair=["en", "de"]).pairs) == rows

    def test_tatoeba_is_nested(self):
        pair = ["translation.en", "translation.de"]
        first = read(SHARED / "tatoeba-en-de", split="test", pair=pair).pairs[0]
        assert first[0] == "Don't drink and drive."

    @pytest.mark.parametrize("name", ["tiny-shakespeare", "war-and-peace", "wikitext-2"])
    def test_text_is_as_in_the_file(self, name):
        rows = read(SHARED / name, split="test").texts
        text = (SHARED / name / "test.txt").read_bytes().decode()
        assert "\n".join(rows) == text.removesuffix("\n")
