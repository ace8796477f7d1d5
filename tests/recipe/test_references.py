"""Further references: columns and files that go with the rows of a split."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqlstm.config import Recipe, parse
from seqlstm.data.sources.read import Corpus
from seqlstm.errors import DataError
from seqlstm.recipe import references
from seqlstm.recipe.read import CATALOGUE
from seqlstm.recipe.references import read_scored_split
from tests.runs import write_lines, write_table

ROWS: list[tuple[str, ...]] = [
    ("a", "A", "A2", "A3"),
    ("b", "B", "", "B3"),
    ("c", "C", "C2", ""),
    ("d", "D", "D2", "D3"),
]
COLUMNS = ("en", "de", "de2", "more.de3")


def recipe_of(folder: Path, *columns: str, **splits: str) -> Recipe:
    write_table(folder / "test.jsonl", COLUMNS, ROWS)
    write_table(folder / "validation.jsonl", COLUMNS, ROWS[:1])
    files = {name: str(folder / f"{name}.jsonl") for name in ("test", "validation")}
    table = {
        "task": "translation",
        "data": {
            "source": files,
            "pair": ["en", "de"],
            "batching": {"kind": "tokens"},
            "splits": splits,
        },
        "training": {"steps": 1},
        "evaluation": {"references": [*columns]},
    }
    return parse(table, where="recipe", catalogue=CATALOGUE)


def test_columns_in_the_order_of_the_recipe(tmp_path: Path) -> None:
    corpus = read_scored_split(recipe_of(tmp_path, "more.de3", "de2"), "test")
    assert corpus.pairs == [row[:2] for row in ROWS]
    assert [[*one] for one in corpus.references] == [["A3", "B3", "", "D3"], ["A2", "", "C2", "D2"]]
    assert read_scored_split(recipe_of(tmp_path), "test").references == ()


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("test[1:3]", ["", "C2"]),
        ("validation+test[:2]", ["A2", "A2", ""]),
        ("test[1:2]", [""]),  # a part without a second reference
    ],
)
def test_parts_and_sums_of_splits(tmp_path: Path, split: str, expected: list[str]) -> None:
    corpus = read_scored_split(recipe_of(tmp_path, "de2"), split)
    assert [[*one] for one in corpus.references] == [expected]


def test_the_names_of_splits_are_mapped_once(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, "de2", test="validation", validation="test")
    assert [len(one) for one in read_scored_split(recipe, "test").references] == [1]
    assert [len(one) for one in read_scored_split(recipe, "validation").references] == [4]


@pytest.mark.parametrize(
    ("left", "row"), [([0, 1, 3], 3), ([0, 1, 2], 4), ([1, 2, 3], 1), ([0, 1, 2, 3, 3], 5)]
)
def test_a_column_with_other_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: list[int], row: int
) -> None:
    """A reader that leaves out rows with a missing cell must not shift the others."""
    read_split = references.read_split

    def read_some(data, split, *, source=None):  # type: ignore[no-untyped-def]
        corpus = read_split(data, split, source=source)
        if data.pair[1] == "de":
            return corpus
        return Corpus([corpus.pairs[index] for index in left], corpus.name, corpus.split)

    monkeypatch.setattr(references, "read_split", read_some)
    with pytest.raises(DataError, match=f'row {row}: the column "de2" does not go') as caught:
        read_scored_split(recipe_of(tmp_path, "de2"), "test")
    assert f'4 rows have a text in "de", {len(left)} in "de2"' in caught.value.message
    assert 'an empty text, ""' in (caught.value.hint or "")


def test_a_column_of_nothing_is_refused(tmp_path: Path) -> None:
    """A missing cell is left out or refused by the reader; it is never another row's reference."""
    recipe = recipe_of(tmp_path, "de2")
    rows = [*ROWS[:2], ("c", "C", None, ""), ROWS[3]]
    write_table(tmp_path / "test.jsonl", COLUMNS, rows)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="row 3"):
        read_scored_split(recipe, "test")


def test_the_same_column_under_another_name(tmp_path: Path) -> None:
    """Two parallel text files are read by position: they would be read again for any name."""
    for side in (0, 1):
        write_lines(tmp_path / f"test.{COLUMNS[side]}", [row[side] for row in ROWS])
    recipe = recipe_of(tmp_path, "de2")
    files = {"test": [str(tmp_path / "test.en"), str(tmp_path / "test.de")]}
    with pytest.raises(DataError, match="de2"):
        read_scored_split(recipe, "test", source=files)


def test_files_instead_of_columns(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, "de2")
    file = write_lines(tmp_path / "third.txt", ["x", "", "y", "z"])
    assert read_scored_split(recipe, "test", files=[str(file)]).references == (["x", "", "y", "z"],)
    assert read_scored_split(recipe, "test", files=["none"]).references == ()


def test_references_are_part_of_the_fingerprint(tmp_path: Path) -> None:
    """Which weights are the best depends on them; without any it is what it was."""
    plain = read_scored_split(recipe_of(tmp_path), "test")
    first, second = (
        read_scored_split(recipe_of(tmp_path, name), "test") for name in ("de2", "more.de3")
    )
    assert len({one.fingerprint for one in (plain, first, second)}) == 3
    assert plain.fingerprint == Corpus(plain.rows, "another", "name").fingerprint
