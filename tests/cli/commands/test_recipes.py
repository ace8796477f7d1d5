"""`seqlstm recipes`: list, show and copy."""

from __future__ import annotations

from pathlib import Path

from seqlstm.recipe.shipped import recipe_paths
from tests.runs import answer, invoke, refusal


def test_the_list_has_every_recipe() -> None:
    first = {line.split()[0] for line in answer("recipes").splitlines() if line.strip()}
    assert set(recipe_paths()) <= first


def test_show_prints_the_file_unchanged() -> None:
    for name, path in recipe_paths().items():
        assert answer("recipes", "show", name) == path.read_text(encoding="utf-8")


def test_copy_to_a_file_or_a_folder(tmp_path: Path) -> None:
    text = recipe_paths()["dates-en-de"].read_text(encoding="utf-8")
    answer("recipes", "copy", "dates-en-de", tmp_path / "mine.toml")
    assert (tmp_path / "mine.toml").read_text(encoding="utf-8") == text
    answer("recipes", "copy", "dates-en-de", tmp_path)
    assert (tmp_path / "dates-en-de.toml").read_text(encoding="utf-8") == text


def test_copy_replaces_no_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("mine")
    assert "exists" in refusal("recipes", "copy", "dates-en-de", file)
    assert file.read_text() == "mine"


def test_a_copy_to_a_missing_folder(tmp_path: Path) -> None:
    nowhere = tmp_path / "no" / "such" / "folder.toml"
    assert "cannot be written: No such file" in refusal("recipes", "copy", "dates-en-de", nowhere)


def test_an_unknown_recipe_suggests_the_nearest() -> None:
    for command in (["recipes", "show"], ["recipes", "copy"], ["check"], ["train"]):
        result = invoke(*command, "dates-en-dee", *(["x"] if command[-1] == "copy" else []))
        assert result.exit_code == 2
        assert 'no recipe "dates-en-dee"' in result.stderr
        assert 'did you mean "dates-en-de"?' in result.stderr
