"""Shipped recipes and tokenizers by name, and the heads of recipes."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqlstm.errors import RecipeError, TokenizerError, UserError
from seqlstm.recipe import shipped
from seqlstm.recipe.header import RecipeHeader, read_header
from seqlstm.recipe.read import read_recipe
from seqlstm.recipe.shipped import find_recipe, find_tokenizer, recipe_paths


class TestRecipes:
    def test_by_name(self) -> None:
        assert find_recipe("dates-en-de") == recipe_paths()["dates-en-de"]

    def test_a_file_comes_before_a_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "dates-en-de").write_text("")
        assert find_recipe("dates-en-de") == Path("dates-en-de")

    def test_the_hint_of_an_unknown_name_is_the_nearest(self) -> None:
        with pytest.raises(UserError, match='no recipe "date-en-de"') as caught:
            find_recipe("date-en-de")
        assert caught.value.hint == 'did you mean "dates-en-de"?'

    def test_the_hint_has_all_names_if_none_is_near(self) -> None:
        with pytest.raises(UserError) as caught:
            find_recipe("qqq")
        assert caught.value.hint is not None
        assert all(name in caught.value.hint for name in recipe_paths())

    def test_options_of_cells_are_checked_with_all_other_keys(self) -> None:
        overrides = ["model.cell={kind='gruu'}", "model.embedding_dim=0", "traning.steps=3"]
        with pytest.raises(RecipeError) as caught:
            read_recipe("dates-en-de", overrides)
        found = {mistake.key: str(mistake) for mistake in caught.value.mistakes}
        assert set(found) == {"model.cell", "model.embedding_dim", "traning"}
        assert 'did you mean "gru"?' in found["model.cell"]
        assert 'did you mean "training"?' in found["traning"]


class TestTokenizers:
    @pytest.fixture
    def shipped(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "package"
        (folder / "tokenizers").mkdir(parents=True)
        (folder / "tokenizers" / "some.model").write_bytes(b"")
        monkeypatch.setattr(shipped, "shipped_folder", lambda name: folder / name)
        return folder / "tokenizers"

    def test_a_shipped_one(self, shipped: Path) -> None:
        assert find_tokenizer("tokenizers/some.model") == shipped / "some.model"

    def test_a_file_comes_first(
        self, shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "tokenizers").mkdir()
        (tmp_path / "tokenizers" / "some.model").write_bytes(b"mine")
        assert find_tokenizer("tokenizers/some.model").read_bytes() == b"mine"

    def test_the_hint_of_a_missing_one_has_all_names(self, shipped: Path) -> None:
        for name in ("tokenizers/other.model", "some.model"):
            with pytest.raises(TokenizerError, match=f"no tokenizer {name}") as caught:
                find_tokenizer(name)
            assert "tokenizers/some.model" in str(caught.value)


class TestHeads:
    def head(self, folder: Path, text: str) -> RecipeHeader:
        path = folder / "recipe.toml"
        path.write_text(text, encoding="utf-8")
        return read_header(path)

    def test_a_part_can_have_several_lines(self, tmp_path: Path) -> None:
        head = self.head(
            tmp_path,
            "# A title.\n#   seqlstm train x\n# Reaches: BLEU 40\n#   on test\n"
            '# Takes: 20 minutes on\n# two cores\n#\n# More.\ntask = "x"\n# Takes: nothing\n',
        )
        assert head == RecipeHeader("A title.", "BLEU 40 on test", "20 minutes on two cores")

    def test_a_missing_part_is_empty(self, tmp_path: Path) -> None:
        assert self.head(tmp_path, 'task = "x"\n') == RecipeHeader("", "", "")
