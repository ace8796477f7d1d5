"""`seqlstm recipes`: list, show and copy."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from seqlstm.recipe.shipped import recipe_paths
from tests.runs import answer, invoke, pairs_of, refusal, write_lines, write_texts


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


class TestNew:
    """A drafted recipe passes `check` and trains as it is."""

    @pytest.fixture(autouse=True)
    def _here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def trained(self, *arguments: object) -> str:
        """The standard error of `recipes new`; the recipe is checked, and trained two steps."""
        result = invoke("recipes", "new", *arguments, "mine.toml")
        assert result.exit_code == 0, result.output
        text = Path("mine.toml").read_text(encoding="utf-8")
        assert len(text.splitlines()) < 40
        assert "Reaches: not measured" in text
        answer("check", "mine.toml")
        small = ("training.steps=2", "training.validate_every=2", "device=cpu")
        answer("train", "mine.toml", *small, "--overwrite")
        return result.stderr

    def translated(self) -> None:
        assert len(answer("translate", "runs/mine", text="A woman\nThe child\n").splitlines()) == 2
        assert "bleu" in answer("evaluate", "runs/mine", "--beam-size", "1")

    @pytest.mark.parametrize("direction", [("en", "de"), ("de", "en")])
    def test_a_folder_of_parallel_files(self, tmp_path: Path, direction: tuple[str, str]) -> None:
        (tmp_path / "set").mkdir()
        write_texts(tmp_path / "set")
        found = self.trained("set", "--pair", ",".join(direction))
        assert "set: train, validation, test; 200 rows" in found
        table = tomllib.loads(Path("mine.toml").read_text(encoding="utf-8"))
        assert table["data"]["source"] == "./set"
        assert table["data"]["pair"] == [*direction]
        assert "splits" not in table["data"]
        self.translated()

    def test_two_files_of_source_and_target(self, tmp_path: Path) -> None:
        (tmp_path / "set").mkdir()
        for place, side in enumerate(("src", "tgt")):
            write_lines(
                tmp_path / f"set/corpus.{side}", [pair[place] for pair in pairs_of("train")]
            )
        assert 'pair = ["src", "tgt"], from the names of the files' in self.trained("set")
        table = tomllib.loads(Path("mine.toml").read_text(encoding="utf-8"))
        assert table["data"]["splits"]["validation"] == "train[80%:90%]"
        self.translated()

    def test_a_csv_file_with_a_header(self, tmp_path: Path) -> None:
        rows = [f"{german},{english},free" for english, german in pairs_of("train")]
        write_lines(tmp_path / "pairs.csv", ["de,en,licence", *rows])
        assert 'pair = ["de", "en"], from the columns of pairs.csv' in self.trained("pairs.csv")
        self.translated()

    def test_a_tsv_file_without_a_header(self, tmp_path: Path) -> None:
        pytest.importorskip("seqlstm.data.sources.delimited")
        write_lines(tmp_path / "pairs.tsv", [f"{en}\t{de}" for en, de in pairs_of("train")])
        assert 'pair = ["1", "2"], from the columns of pairs.tsv' in self.trained("pairs.tsv")
        self.translated()
        self.trained("pairs.tsv", "--pair", "en,de", "--overwrite")

    def test_a_translation_memory(self, tmp_path: Path) -> None:
        units = [
            f'<tu><tuv xml:lang="en-GB"><seg>{english}</seg></tuv>'
            f'<tuv xml:lang="de"><seg>{german}</seg></tuv></tu>'
            for english, german in pairs_of("train")
        ]
        head = '<tmx version="1.4"><header srclang="en-GB"/><body>'
        write_lines(tmp_path / "memory.tmx", [head, *units, "</body></tmx>"])
        found = self.trained("memory.tmx")
        assert 'pair = ["en-GB", "de"], from the header of memory.tmx' in found
        self.translated()

    def test_plain_text(self, tmp_path: Path) -> None:
        write_lines(tmp_path / "novel.txt", [english for english, _ in pairs_of("train")])
        assert "a recipe of the task language-model" in self.trained("novel.txt")
        assert 'unit = "line"' in Path("mine.toml").read_text(encoding="utf-8")
        assert answer("generate", "runs/mine", "The", "--max-new-tokens", "5")

    def test_its_name_and_no_file_is_replaced(self, tmp_path: Path) -> None:
        write_lines(tmp_path / "novel.txt", [english for english, _ in pairs_of("train")])
        answer("recipes", "new", "novel.txt")
        before = Path("novel.toml").read_text(encoding="utf-8")
        Path("novel.toml").write_text("mine", encoding="utf-8")
        assert "novel.toml exists" in refusal("recipes", "new", "novel.txt")
        assert Path("novel.toml").read_text(encoding="utf-8") == "mine"
        answer("recipes", "new", "novel.txt", "--overwrite")
        assert Path("novel.toml").read_text(encoding="utf-8") == before

    def test_a_pair_has_two_names(self, tmp_path: Path) -> None:
        write_lines(tmp_path / "novel.txt", ["one"])
        assert "--pair names two sides, was: en" in refusal(
            "recipes", "new", "novel.txt", "--pair=en"
        )
