"""Reading of tables from files, and overrides."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from seqlstm.config import read_overrides, read_table
from seqlstm.errors import Mistake, RecipeError

TABLE: dict[str, Any] = {"seed": 1, "training": {"steps": 5, "optimizer": {"kind": "adam"}}}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("seed=200", 200),
        ("seed=2e-3", 2e-3),
        ("seed=true", True),
        ("seed=[1, 2]", [1, 2]),
        ('seed={kind="gru", n={a=1}}', {"kind": "gru", "n": {"a": 1}}),
        ('seed="200"', "200"),
        ("seed=plain", "plain"),
        ("seed=a=b", "a=b"),
        ("seed=my/folder name.txt", "my/folder name.txt"),
        (" seed = 3", 3),
        ("seed = plain", "plain"),
    ],
)
def test_a_value_is_toml_or_else_a_string(override: str, expected: object) -> None:
    assert read_overrides(TABLE, [override])["seed"] == expected


def test_dotted_keys_set_values_in_tables_and_create_tables() -> None:
    merged = read_overrides(TABLE, ["training.optimizer.learning_rate=1", "model.cell.kind=gru"])
    assert merged == {
        "seed": 1,
        "training": {"steps": 5, "optimizer": {"kind": "adam", "learning_rate": 1}},
        "model": {"cell": {"kind": "gru"}},
    }


def test_an_empty_value_removes_the_key() -> None:
    merged = read_overrides(TABLE, ["training.steps=", "training.optimizer= ", "none="])
    assert "steps" not in merged["training"]
    assert "optimizer" not in merged["training"]


def test_the_last_override_wins_and_the_table_is_not_changed() -> None:
    before = deepcopy(TABLE)
    merged = read_overrides(TABLE, ["training.steps=6", "training.steps=7"])
    assert merged["training"]["steps"] == 7
    assert before == TABLE
    assert read_overrides(TABLE, []) == TABLE


def test_every_wrong_override_at_once() -> None:
    with pytest.raises(RecipeError) as caught:
        read_overrides(TABLE, ["steps", "seed.deep=1", "training.steps=6", "seed.a.b=2"])
    assert caught.value.mistakes == (
        Mistake("steps", "not an override", "write key=value"),
        Mistake("seed.deep", "seed is a value, not a table"),
        Mistake("seed.a.b", "seed is a value, not a table"),
    )


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('name = "Zürich"\n[a]\nb = 1\n', encoding="utf-8")
    assert read_table(path) == {"name": "Zürich", "a": {"b": 1}}


@pytest.mark.parametrize(
    ("contents", "key", "problem"),
    [
        (b"seed = 1\nthreads == 2\n", "syntax", "line 2"),
        (b"seed = 1\nseed = 2\n", "syntax", "line 2"),
        (b"# fine\n" * 5000 + b'name = "Z\xfcrich"\n', "file", "line 5001: not UTF-8"),
    ],
)
def test_an_error_names_the_line_of_a_broken_file(
    contents: bytes, key: str, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(contents)
    with pytest.raises(RecipeError, match=r"recipe\.toml: 1 mistake") as caught:
        read_table(path)
    (mistake,) = caught.value.mistakes
    assert mistake.key == key
    assert problem in mistake.problem


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="No such file"):
        read_table(tmp_path / "none.toml")
