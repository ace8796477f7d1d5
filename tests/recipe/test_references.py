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


def recipe_of(
    folder: Path, *columns: str, pair: tuple[str, str] = ("en", "de"), **splits: str
) -> Recipe:
    write_table(folder / "test.jsonl", COLUMNS, ROWS)
    write_table(folder / "validation.jsonl", COLUMNS, ROWS[:1])
    files = {name: str(folder / f"{name}.jsonl") for name in ("test", "validation")}
    table = {
        "task": "translation",
        "data": {
            "source": files,
            "pair": [*pair],
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


def without_missing(
    monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, str | None, str | None]]
) -> None:
    """A reader that leaves out the rows without a cell in a column that it reads."""

    def read(data, split, *, source=None):  # type: ignore[no-untyped-def]
        place = COLUMNS.index(data.pair[1])
        return Corpus([(row[0], row[place]) for row in rows if row[place] is not None], "it", split)

    monkeypatch.setattr(references, "read_split", read)


def test_missing_cells_do_not_shift_references(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("a", "A", "A2"), ("b", "B", None), ("c", None, "C2"), ("d", "D", "D2")]
    without_missing(monkeypatch, rows)
    corpus = read_scored_split(recipe_of(tmp_path, "de2"), "test")
    assert corpus.pairs == [("a", "A"), ("b", "B"), ("d", "D")]
    assert corpus.references == (["A2", "", "D2"],)


@pytest.mark.parametrize(
    "rows",
    [
        [("a", "A", "A2"), ("b", "B", None), ("a", "X", "X2")],
        [("a", "A", "A2"), ("b", "B", None), ("c", None, "C2"), ("c", None, "X2")],
    ],
)
def test_missing_cells_beside_equal_sources(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[tuple[str, str | None, str | None]],
) -> None:
    without_missing(monkeypatch, rows)
    with pytest.raises(DataError, match='in "de2", and equal texts in "en" repeat') as caught:
        read_scored_split(recipe_of(tmp_path, "de2"), "test")
    assert 'needs an empty text in "de2"' in (caught.value.hint or "")


def test_equal_sources_with_all_cells_are_no_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_missing(monkeypatch, [("a", "A", "A2"), ("b", "B", ""), ("a", "X", "X2")])
    corpus = read_scored_split(recipe_of(tmp_path, "de2"), "test")
    assert corpus.references == (["A2", "", "X2"],)


def test_the_same_column_under_another_name(tmp_path: Path) -> None:
    """Two parallel text files are read by position: they would be read again for any name."""
    for side in (0, 1):
        write_lines(tmp_path / f"test.{COLUMNS[side]}", [row[side] for row in ROWS])
    recipe = recipe_of(tmp_path, "de2")
    files = {"test": [str(tmp_path / "test.en"), str(tmp_path / "test.de")]}
    with pytest.raises(DataError, match="de2"):
        read_scored_split(recipe, "test", source=files)


def test_a_name_beside_positions_is_no_column_of_empty_references(tmp_path: Path) -> None:
    file = write_lines(
        tmp_path / "test.tsv", ["Geh.\tGo.\tGo away.", "Ach so.\tI see.\tAh, I see."]
    )
    source = {"test": str(file)}
    by_position = recipe_of(tmp_path, "3", pair=("2", "1"))
    corpus = read_scored_split(by_position, "test", source=source)
    assert corpus.references == (["Go away.", "Ah, I see."],)
    with pytest.raises(DataError, match='"ref" mix names and positions'):
        read_scored_split(recipe_of(tmp_path, "ref", pair=("2", "1")), "test", source=source)


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
