"""What is found in files and folders, and the recipes that are drafted for it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from seqlstm.data.sources.read import read
from seqlstm.data.sources.splits import parse
from seqlstm.errors import ArgumentError, DataError
from seqlstm.recipe.draft import LANGUAGE_MODELS, TRANSLATORS, draft
from seqlstm.recipe.survey import choose_splits, survey
from tests.runs import in_greek_letters, pairs_of, write_lines, write_texts


@pytest.mark.parametrize(
    ("available", "rows", "splits"),
    [
        (["train", "validation", "test"], 9, ["train", "validation", "test"]),
        (["train", "dev", "test"], 9, ["train", "dev", "test"]),
        (["train"], 200, ["train[:80%]", "train[80%:90%]", "train[90%:]"]),
        (["train"], 5_000, ["train[:90%]", "train[90%:95%]", "train[95%:]"]),
        (["train"], 10**6, ["train[:98%]", "train[98%:99%]", "train[99%:]"]),
        (["train", "val"], 9, ["train", "val", "val"]),
        (["train", "test"], 30_000, ["train[:98%]", "train[98%:]", "test"]),
        (["law"], 9, ["law[:80%]", "law[80%:90%]", "law[90%:]"]),
        (["train"], 5, ["train[:-2]", "train[-2:-1]", "train[-1:]"]),
        (["train", "test"], 2, ["train[:-1]", "train[-1:]", "test"]),
        (["train", "test"], 1, ["train[:90%]", "train[90%:]", "test"]),
        (["train", "val"], 1, ["train", "val", "val"]),
    ],
)
def test_missing_splits_are_slices(available: list[str], rows: int, splits: list[str]) -> None:
    assert [*choose_splits(available, rows).model_dump().values()] == splits


@pytest.mark.parametrize("available", [["train"], ["train", "test"]])
@pytest.mark.parametrize("rows", [*range(3, 30), 999, 1_001, 19_999, 20_001, 200_001])
def test_no_slice_is_empty(available: list[str], rows: int) -> None:
    splits = choose_splits(available, rows)
    slices = [parse(split)[0] for split in {splits.train, splits.validation, splits.test}]
    cut = [one.cut(range(rows)) for one in slices if one.split == "train"]
    assert all(len(part) > 0 for part in cut)
    assert sorted(row for part in cut for row in part) == [*range(rows)]


@pytest.mark.parametrize("rows", range(3, 10))
def test_a_draft_for_a_few_rows_has_rows_in_every_split(tmp_path: Path, rows: int) -> None:
    file = write_lines(tmp_path / "few.tsv", ["Hello there.\tHallo du."] * rows)
    found = survey(str(file), pair=("1", "2"))
    recipe = tomllib.loads(draft(found, tmp_path / "a.toml"))
    sizes = [
        len(read(str(file), split=split, pair=found.pair))
        for split in recipe["data"]["splits"].values()
    ]
    assert sum(sizes) == rows
    assert all(sizes)


@pytest.mark.parametrize("rows", [1, 2])
def test_a_draft_for_too_few_rows_is_refused(tmp_path: Path, rows: int) -> None:
    file = write_lines(tmp_path / "few.tsv", ["Hello there.\tHallo du."] * rows)
    found = survey(str(file), pair=("1", "2"))
    with pytest.raises(DataError, match=rf"few\.tsv has {rows} rows?, too few to cut them into 3"):
        draft(found, tmp_path / "a.toml")


def test_sizes_grow_with_the_text() -> None:
    for sizes in (TRANSLATORS, LANGUAGE_MODELS):
        for smaller, larger in zip([*sizes.values()], [*sizes.values()][1:], strict=False):
            assert smaller.vocab_size <= larger.vocab_size
            assert smaller.hidden_size <= larger.hidden_size
            assert smaller.minutes < larger.minutes


class TestColumns:
    def test_a_direction_is_asked_for(self, tmp_path: Path) -> None:
        write_texts(tmp_path)
        with pytest.raises(DataError, match="which one is the source is not stated") as caught:
            survey(str(tmp_path))
        assert caught.value.hint == "Name them: --pair SOURCE,TARGET"
        assert survey(str(tmp_path), pair=("de", "en")).train.pairs[0] == pairs_of("train")[0][::-1]

    def test_a_column_of_text_is_a_language_model_s(self, tmp_path: Path) -> None:
        lines = [json.dumps({"id": "7", "text": "one two", "title": "x"})]
        found = survey(str(write_lines(tmp_path / "a.jsonl", lines)))
        assert (found.task, found.text, found.unit) == ("language-model", "text", "document")

    def test_columns_that_are_not_clear_are_listed(self, tmp_path: Path) -> None:
        file = write_lines(tmp_path / "a.csv", ["title,body2,note", "a b,c d,e f"])
        with pytest.raises(DataError, match="columns title, body2, note: which one") as caught:
            survey(str(file))
        assert "--pair SOURCE,TARGET" in str(caught.value.hint)
        assert survey(str(file), pair=("title", "note")).train.rows == [("a b", "e f")]

    def test_columns_without_a_header_are_named_by_position(self, tmp_path: Path) -> None:
        file = write_lines(tmp_path / "deu.tsv", ["Go.\tGeh.\tCC-BY", "Run!\tLauf!\tCC-BY"])
        with pytest.raises(DataError, match="columns 1, 2, 3") as caught:
            survey(str(file))
        assert "such as --pair 1,2" in str(caught.value.hint)

    @pytest.mark.parametrize("header", ["label,review", "id,en", "Hello,Hallo"])
    def test_any_two_columns_are_no_translation(self, tmp_path: Path, header: str) -> None:
        file = write_lines(tmp_path / "a.csv", [header, "pos,so good it is", "neg,a bad thing"])
        with pytest.raises(DataError, match="which one is the text"):
            survey(str(file))
        found = survey(str(file), pair=("1", "2"))
        assert found.task == "translation"

    @pytest.mark.parametrize("first", ["en\tde", "src\ttgt", "a b\tc d"])
    def test_two_sides_are_a_translation(self, tmp_path: Path, first: str) -> None:
        file = write_lines(tmp_path / "a.tsv", [first, "e f\tg h", "i j\tk l"])
        assert survey(str(file)).task == "translation"

    def test_a_first_row_that_may_be_text_is_noted(self, tmp_path: Path) -> None:
        file = write_lines(tmp_path / "a.csv", ["Hello", "How are you?", "Well enough."])
        assert survey(str(file)).lines[0] == (
            f'text = "Hello", from the columns of {file}; '
            "its first row, Hello, is taken as names of columns"
        )

    def test_a_pair_for_a_language_model_is_refused(self, tmp_path: Path) -> None:
        file = write_lines(tmp_path / "a.txt", ["one"])
        with pytest.raises(ArgumentError, match="--pair names the two sides"):
            survey(str(file), task="language-model", pair=("en", "de"))

    def test_a_missing_path(self, tmp_path: Path) -> None:
        write_lines(tmp_path / "corpus.txt", ["one"])
        with pytest.raises(DataError, match="There is no file or folder") as caught:
            survey(str(tmp_path / "corpsu.txt"))
        assert "corpus.txt" in str(caught.value.hint)


class TestTokenizers:
    def recipe(self, folder: Path, pairs: list[tuple[str, str]]) -> dict[str, object]:
        for place, side in enumerate(("src", "tgt")):
            write_lines(folder / f"train.{side}", [pair[place] for pair in pairs])
        table = tomllib.loads(draft(survey(str(folder)), folder / "a.toml"))
        tokenizer: dict[str, object] = table["tokenizer"]
        return tokenizer

    def test_the_vocabulary_is_one_that_the_text_can_give(self, tmp_path: Path) -> None:
        assert self.recipe(tmp_path, pairs_of("train")) == {
            "model_type": "unigram",
            "vocab_size": 330,
        }

    def test_a_text_of_a_few_words_is_read_by_characters(self, tmp_path: Path) -> None:
        assert self.recipe(tmp_path, [("a b", "c d")] * 20)["model_type"] == "char"

    def test_a_large_alphabet_has_room(self, tmp_path: Path) -> None:
        text = ["".join(map(chr, range(start, start + 40))) for start in range(0x4E00, 0x5E00, 40)]
        tokenizer = self.recipe(tmp_path, [(line, line) for line in text])
        assert isinstance(tokenizer["vocab_size"], int)
        assert tokenizer["vocab_size"] > 4096 + 261

    def test_two_alphabets_have_a_vocabulary_each(self, tmp_path: Path) -> None:
        pairs = [(english, in_greek_letters(german)) for english, german in pairs_of("train")]
        assert self.recipe(tmp_path, pairs)["joint"] is False
