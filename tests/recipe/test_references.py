"""Further references: columns and files that go with the rows of a split."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqlstm.config import Recipe, parse
from seqlstm.data.sources.read import Corpus, read
from seqlstm.errors import DataError
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
    ],
)
def test_parts_and_sums_of_splits(tmp_path: Path, split: str, expected: list[str]) -> None:
    corpus = read_scored_split(recipe_of(tmp_path, "de2"), split)
    assert [[*one] for one in corpus.references] == [expected]


def test_the_names_of_splits_are_mapped_once(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, "de2", test="validation", validation="test")
    assert [len(one) for one in read_scored_split(recipe, "test").references] == [1]
    assert [len(one) for one in read_scored_split(recipe, "validation").references] == [4]


def read_rows(folder: Path, rows: list[tuple[str | None, ...]], split: str = "test") -> Corpus:
    """A split of a table of `COLUMNS`, with the texts of "de2" as references."""
    recipe = recipe_of(folder, "de2")
    file = write_table(folder / "missing.jsonl", COLUMNS[:3], rows)
    return read_scored_split(recipe, split, source={"test": str(file)})


def test_missing_cells_do_not_shift_references(tmp_path: Path) -> None:
    rows = [("a", "A", "A2"), ("b", "B", None), ("c", None, "C2"), ("d", "D", "D2")]
    corpus = read_rows(tmp_path, rows)
    assert corpus.pairs == [("a", "A"), ("b", "B"), ("d", "D")]
    assert corpus.references == (["A2", "", "D2"],)
    assert corpus.notes == (
        'missing.jsonl: 1 of 4 rows left out: no text in column "de" (row 3)',
        'local files (test): 1 of 3 rows have no reference in the column "de2"',
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("a", "A", "A2"), ("b", "B", None), ("a", "X", "X2")], ["A2", "", "X2"]),
        ([("a", "A", "A2"), ("b", "B", ""), ("a", "X", "X2")], ["A2", "", "X2"]),
        ([("a", "A", "A2"), ("b", "B", None), ("c", None, "C2"), ("c", None, "X2")], ["A2", ""]),
    ],
)
def test_missing_cells_beside_equal_sources(
    tmp_path: Path, rows: list[tuple[str | None, ...]], expected: list[str]
) -> None:
    assert read_rows(tmp_path, rows).references == (expected,)


def test_a_slice_is_cut_once(tmp_path: Path) -> None:
    """Rows without a reference were left out of those of the references before the slice."""
    rows: list[tuple[str | None, ...]] = [
        (f"s {row}", f"t {row}", None if 1 <= row <= 4 else f"r {row}") for row in range(20)
    ]
    corpus = read_rows(tmp_path, rows, "test[75%:]")
    assert corpus.pairs == [(f"s {row}", f"t {row}") for row in range(15, 20)]
    assert corpus.references == ([f"r {row}" for row in range(15, 20)],)
    assert corpus.notes == ()
    corpus = read_rows(tmp_path, rows, "test[3:6]+test[:1]")
    assert corpus.references == (["", "", "r 5", "r 0"],)


@pytest.mark.parametrize("missing", [None, "", " "])
def test_a_column_without_any_reference(tmp_path: Path, missing: str | None) -> None:
    rows: list[tuple[str | None, ...]] = [("a", "A", missing), ("b", "B", missing)]
    message = r'local files \(test\): the column "de2" has no reference: every line is empty'
    with pytest.raises(DataError, match=message):
        read_rows(tmp_path, rows)


def test_a_slice_without_any_reference(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='"de2" has no reference') as caught:
        read_scored_split(recipe_of(tmp_path, "de2"), "test[1:2]")
    assert "--references none" in (caught.value.hint or "")
    assert len(read_scored_split(recipe_of(tmp_path, "de2"), "test[1:2]", files=["none"])) == 1


def test_languages_of_a_translation_memory(tmp_path: Path) -> None:
    units = [("a", "A", "A2"), ("b", "B", None), ("c", None, "C2"), ("d", "D", "D2")]
    body = "".join(
        "<tu>"
        + "".join(
            f'<tuv xml:lang="{language}"><seg>{text}</seg></tuv>'
            for language, text in zip(("en", "de", "fr"), unit, strict=True)
            if text is not None
        )
        + "</tu>"
        for unit in units
    )
    file = tmp_path / "memory.tmx"
    file.write_text(f'<tmx version="1.4"><header srclang="en"/><body>{body}</body></tmx>')
    corpus = read(file, split="train[1:]", pair=("en", "de"), references=["fr"])
    assert corpus.pairs == [("b", "B"), ("d", "D")]
    assert corpus.references == (["", "D2"],)
    assert corpus.notes == (
        f"{file}: 1 units without text in each language left out (the first: 3)",
    )
    assert read(file, split="train", pair=("en", "fr")).pairs == [
        ("a", "A2"),
        ("c", "C2"),
        ("d", "D2"),
    ]


def test_positions_in_a_table_without_a_header(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.tsv", ["Hallo du.\tHello there.\tHi there."])
    corpus = read(file, split="train", pair=("2", "1"), references=["3"])
    assert corpus.pairs == [("Hello there.", "Hallo du.")]
    assert corpus.references == (["Hi there."],)


@pytest.mark.parametrize("source", ["dates", "files"])
def test_a_source_of_two_columns_alone(tmp_path: Path, source: str | dict[str, list[str]]) -> None:
    if source == "files":
        files = [write_lines(tmp_path / f"test.{side}", ["a", "b"]) for side in ("en", "de")]
        source = {"test": [str(file) for file in files]}
    with pytest.raises(DataError, match='no further column "fr"'):
        read(source, split="test", pair=("en", "de"), references=["fr"])
    with pytest.raises(ValueError, match="without a pair"):
        read(source, split="test", references=["fr"])


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
