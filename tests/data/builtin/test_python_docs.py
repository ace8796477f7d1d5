import inspect
import json.decoder
import sysconfig

import pytest

from seqlstm.data.builtin import python_docs
from seqlstm.data.builtin.hash_split import hash_split
from seqlstm.errors import DataError


@pytest.fixture(scope="module")
def splits():
    return {split: python_docs.rows(split) for split in python_docs.SPLITS}


class TestDocuments:
    def test_a_module_is_its_docstrings_in_order(self):
        text = python_docs.documents()["json.decoder"]
        expected = [
            inspect.getdoc(json.decoder),
            inspect.cleandoc(json.decoder.JSONDecodeError.__doc__),
            inspect.cleandoc(json.decoder.JSONDecoder.__doc__),
            inspect.cleandoc(json.decoder.JSONDecoder.decode.__doc__),
        ]
        places = [text.index(docstring.strip()) for docstring in expected]
        assert places == sorted(places)

    def test_topics_are_documents(self):
        assert "compound" in python_docs.documents()["topics/compound"].lower()

    def test_names_are_sorted_and_none_is_a_test_or_a_third_party(self):
        names = list(python_docs.documents())
        assert names == sorted(names)
        parts = {part for name in names for part in name.split(".")}
        assert not parts & {"test", "tests", "idlelib", "lib2to3", "site-packages", "_pytest"}

    def test_paragraphs_stay_and_everything_is_utf8(self, splits):
        texts = [text for rows in splits.values() for text in rows]
        assert any("\n\n" in text for text in texts)
        assert all(text == text.strip() and text for text in texts)
        "".join(texts).encode()


class TestSplits:
    def test_the_splits_contain_every_document_once(self, splits):
        rows = [text for split in splits.values() for text in split]
        assert sorted(rows) == sorted(python_docs.documents().values())
        assert len(set(rows)) == len(rows)

    def test_about_nine_tenths_are_for_training(self, splits):
        words = {split: sum(len(text.split()) for text in rows) for split, rows in splits.items()}
        assert sum(words.values()) > 200_000
        assert 0.8 < words["train"] / sum(words.values()) < 0.95
        assert min(words.values()) > 5_000

    def test_the_split_depends_only_on_the_name(self):
        names = ["argparse", "fractions", "bisect", "topics/bitwise"]
        splits = ["train", "validation", "test", "validation"]
        assert [hash_split(name, test_percent=5) for name in names] == splits


def test_a_python_without_sources_is_an_error(monkeypatch, tmp_path):
    python_docs.documents.cache_clear()
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    with pytest.raises(DataError, match="no library sources"):
        python_docs.rows("train")
