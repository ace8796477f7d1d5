"""Layouts of folders and files: sides go by name, whatever the order of files and names."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from pathlib import Path

import pytest

from seqlstm.data.sources.read import read
from seqlstm.errors import DataError

ENGLISH, GERMAN = ["one", "two", "three"], ["eins", "zwei", "drei"]
EN_DE = [*zip(ENGLISH, GERMAN, strict=True)]
DE_EN = [*zip(GERMAN, ENGLISH, strict=True)]
COMPRESSIONS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}

LAYOUTS = {
    "suffix": ("train.en", "train.de"),
    "suffix and txt": ("train.en.txt", "train.de.txt"),
    "first": ("en.train.txt", "de.train.txt"),
    "hyphen": ("train-en.txt", "train-de.txt"),
    "underscore": ("train_en.txt", "train_de.txt"),
    "opus": ("train.en-de.en", "train.en-de.de"),
    "iwslt": ("train.tags.de-en.en", "train.tags.de-en.de"),
    "folders of sides": ("en/train.txt", "de/train.txt"),
    "folders of splits": ("train/en.txt", "train/de.txt"),
    "no split": ("corpus.en", "corpus.de"),
}


def write(folder: Path, files: dict[str, list[str]]) -> Path:
    for name, lines in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        compress = COMPRESSIONS.get(path.suffix, bytes)
        path.write_bytes(compress("".join(f"{line}\n" for line in lines).encode()))
    return folder


class TestFolders:
    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("suffix", COMPRESSIONS)
    def test_a_side_is_found_by_its_name(self, tmp_path: Path, layout: str, suffix: str) -> None:
        english, german = (name + suffix for name in LAYOUTS[layout])
        folder = write(tmp_path, {english: ENGLISH, german: GERMAN})
        assert read(folder, split="train", pair=["en", "de"]).rows == EN_DE
        assert read(folder, split="train", pair=["de", "en"]).rows == DE_EN
        nested = ["translation.de", "translation.en"]
        assert read(folder, split="train", pair=nested).rows == DE_EN
        assert read(folder, split="train", text="de").rows == GERMAN

    def test_every_split_is_found(self, tmp_path: Path) -> None:
        folder = write(
            tmp_path,
            {
                f"{split}.{side}": [f"{split} {side}"]
                for split in ("train", "dev", "test")
                for side in ("en", "de", "fr")
            },
        )
        for split, name in (("train", "train"), ("validation", "dev"), ("test", "test")):
            corpus = read(folder, split=split, pair=["fr", "en"])
            assert corpus.rows == [(f"{name} fr", f"{name} en")]
        assert "not read: dev.de, test.de, train.de" in corpus.notes[0]

    def test_several_test_sets_go_by_their_own_names(self, tmp_path: Path) -> None:
        names = ("train", "test_2016_flickr", "test_2017_flickr")
        folder = write(tmp_path, {f"{name}.{side}": [name] for name in names for side in PAIR})
        assert read(folder, split="test_2017_flickr", pair=PAIR).rows == [("test_2017_flickr",) * 2]
        assert len(read(folder, split="test_2016_flickr+test_2017_flickr", pair=PAIR)) == 2
        with pytest.raises(DataError, match="Its splits: train, test_2016_flickr, test_2017"):
            read(folder, split="test", pair=PAIR)

    def test_domains_are_splits(self, tmp_path: Path) -> None:
        folder = write(tmp_path, {f"{name}.{side}": [name] for name in ("a", "b") for side in PAIR})
        assert read(folder, split="a+b", pair=PAIR).rows == [("a", "a"), ("b", "b")]

    def test_a_side_that_is_missing_is_refused_with_what_there_is(self, tmp_path: Path) -> None:
        folder = write(tmp_path, {"train.en": ENGLISH, "train.fr": GERMAN, "README.md": ["x"]})
        with pytest.raises(
            DataError, match=r"no files of the sides en and de\. Its files: train\.en, train\.fr\."
        ) as caught:
            read(folder, split="train", pair=["en", "de"])
        assert "train.en and train.de" in str(caught.value.hint)

    @pytest.mark.parametrize(
        ("files", "rows"),
        [
            ({"train.txt": ["one"], "about.csv": ["text,n", "x y,1"]}, ["one"]),
            ({"train.csv": ["text,n", "x y,1"], "words.txt": ["one"]}, ["x y"]),
            ({"train.csv": ["text,n", "x y,1"], "train.txt": ["one"]}, None),
            ({"corpus.csv": ["text,n", "x y,1"], "corpus.txt": ["one"]}, None),
            ({"corpus.csv": ["text,n", "x y,1"], "LICENSE.txt": ["one"]}, ["x y"]),
        ],
    )
    def test_text_beside_tables(
        self, tmp_path: Path, files: dict[str, list[str]], rows: list[str] | None
    ) -> None:
        folder = write(tmp_path, files)
        if rows is None:
            with pytest.raises(DataError, match="several ways"):
                read(folder, split="train")
        else:
            assert read(folder, split="train").rows == rows

    def test_half_a_split_is_named(self, tmp_path: Path) -> None:
        files = {"train.en": ENGLISH, "train.de": GERMAN, "validation.en": ENGLISH}
        with pytest.raises(DataError, match=r'no split "validation"\. Its splits: train') as caught:
            read(write(tmp_path, files), split="validation", pair=PAIR)
        assert str(caught.value.hint).endswith("not read: validation.en")

    def test_files_of_text_that_are_no_split_are_named(self, tmp_path: Path) -> None:
        corpus = read(write(tmp_path, {"train.txt": ENGLISH, "notes.txt": GERMAN}), split="train")
        assert corpus.rows == ENGLISH
        assert corpus.notes == (f"{tmp_path}: not read: notes.txt",)

    def test_what_is_no_regular_file_is_never_opened(self, tmp_path: Path) -> None:
        folder = write(tmp_path, {"train.txt": ENGLISH})
        os.mkfifo(folder / "train.fifo")
        assert read(folder, split="train").rows == ENGLISH
        with pytest.raises(DataError, match="not a regular file"):
            read(folder / "train.fifo", split="train")

    def test_two_files_of_one_side_are_refused(self, tmp_path: Path) -> None:
        folder = write(tmp_path, dict.fromkeys(("train.en", "train.EN.txt"), ENGLISH))
        write(folder, {"train.de": GERMAN})
        with pytest.raises(DataError, match="are both en"):
            read(folder, split="train", pair=["en", "de"])

    def test_parallel_files_beside_tables_of_splits_are_refused(self, tmp_path: Path) -> None:
        folder = write(tmp_path, {"train.en": ENGLISH, "train.de": GERMAN, "train.csv": ["en,de"]})
        with pytest.raises(DataError, match=r"several ways: train\.de, train\.en, train\.csv"):
            read(folder, split="train", pair=["en", "de"])

    def test_other_files_beside_them_are_not_read(self, tmp_path: Path) -> None:
        files = {"train.en": ENGLISH, "train.de": GERMAN, "README.md": ["x"], "about.json": ["{}"]}
        corpus = read(write(tmp_path, files), split="train", pair=["en", "de"])
        assert corpus.rows == EN_DE
        assert "not read: about.json" in corpus.notes[0]

    def test_the_text_of_two_languages_is_never_mixed(self, tmp_path: Path) -> None:
        folder = write(tmp_path, {"train.en": ENGLISH, "train.de": GERMAN})
        with pytest.raises(DataError, match="has text of de and en") as caught:
            read(folder, split="train")
        assert caught.value.hint == 'Name the one to read: data.text = "de".'

    def test_text_with_any_suffix(self, tmp_path: Path) -> None:
        folder = write(tmp_path, {"train.en": ENGLISH, "test.en": ["four"], "LICENSE": ["free"]})
        assert read(folder, split="train").rows == ENGLISH
        assert read(folder, split="test", text="text").rows == ["four"]

    def test_files_of_text_without_splits_are_all_read(self, tmp_path: Path) -> None:
        folder = write(
            tmp_path, {"b/war.txt": ["b"], "a/peace.txt.gz": ["a"], ".hidden.txt": ["h"]}
        )
        assert read(folder, split="train").rows == ["a", "b"]


PAIR = ["en", "de"]


class TestTables:
    """Tables in a folder, each with the pairs (its name, its name)."""

    def write(self, folder: Path, *names: str) -> Path:
        for name in names:
            row = {
                ".csv": f"en,de\n{name},{name}\n",
                ".tsv": f"en\tde\n{name}\t{name}\n",
                ".jsonl": f'{{"en": "{name}", "de": "{name}"}}\n',
            }.get(Path(name).suffix, "LICENCE\n")
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(row)
        return folder

    @pytest.mark.parametrize("columns", [{"text": "en"}, {"pair": ("en", "de")}])
    def test_text_that_describes_them_is_never_read(
        self, tmp_path: Path, columns: dict[str, str]
    ) -> None:
        folder = self.write(tmp_path, "data.csv", "license.txt", "readme.txt")
        corpus = read(folder, split="train", **columns)
        assert corpus.rows == ["data.csv" if "text" in columns else ("data.csv", "data.csv")]
        assert corpus.notes == ()

    def test_what_is_in_no_split_is_named(self, tmp_path: Path) -> None:
        folder = self.write(tmp_path, "train.csv", "more.csv", "notes.txt")
        corpus = read(folder, split="train", pair=PAIR)
        assert corpus.rows == [("train.csv", "train.csv")]
        assert corpus.notes == (f"{tmp_path}: not read: notes.txt, more.csv",)

    def test_splits_may_have_different_formats(self, tmp_path: Path) -> None:
        folder = self.write(tmp_path, "train.csv", "valid.tsv", "test.jsonl")
        for split, name in (("train", "train.csv"), ("validation", "valid.tsv")):
            assert read(folder, split=split, pair=PAIR).rows == [(name, name)]
        assert len(read(folder, split="train+validation+test", text="en")) == 3

    @pytest.mark.parametrize("names", [("a.csv", "b.jsonl"), ("train.csv", "train.jsonl")])
    def test_two_formats_of_one_split_may_be_the_same_rows(
        self, tmp_path: Path, names: tuple[str, str]
    ) -> None:
        folder = self.write(tmp_path, *names)
        with pytest.raises(DataError, match=f"several ways: {', '.join(names)}") as caught:
            read(folder, split="train", pair=PAIR)
        assert "by split: source" in str(caught.value.hint)

    def test_shards_are_one_split_in_their_order(self, tmp_path: Path) -> None:
        shards = [f"data/train-{number:05}-of-00011.csv" for number in range(11)]
        sets = [
            f"data/{name}-00000-of-00001.csv"
            for name in ("law", "validation_matched", "validation_mismatched")
        ]
        folder = self.write(tmp_path, *shards[::-1], *sets, "other.csv")
        corpus = read(folder, split="train", text="en")
        assert corpus.rows == shards
        assert corpus.notes == (f"{tmp_path}: not read: other.csv",)
        for name, path in zip(("law", "validation_matched"), sets[:2], strict=True):
            assert read(folder, split=name, text="en").rows == [path]
        with pytest.raises(DataError, match='no split "test"') as caught:
            read(folder, split="test", text="en")
        splits = "train, law, validation_matched, validation_mismatched"
        assert f"Its splits: {splits}." in caught.value.message

    def test_shards_beside_each_other(self, tmp_path: Path) -> None:
        shards = [f"train-{number:05}-of-00002.csv" for number in range(2)]
        folder = self.write(tmp_path, *shards, "test-00000-of-00001.csv")
        assert read(folder, split="train", text="en").rows == shards

    def test_a_data_set_that_was_saved(self, tmp_path: Path) -> None:
        import datasets

        saved = {name: datasets.Dataset.from_dict({"text": [name]}) for name in ("train", "test")}
        datasets.DatasetDict(saved).save_to_disk(str(tmp_path))
        assert read(tmp_path, split="train+test").rows == ["train", "test"]
        assert read(tmp_path, split="train").notes == ()

    def test_memories_that_are_in_no_split_are_named(self, tmp_path: Path) -> None:
        unit = "".join(
            f'<tuv xml:lang="{side}"><seg>{side} of it</seg></tuv>' for side in ("en", "de")
        )
        text = f"<tmx><body><tu>{unit}</tu></body></tmx>"
        folder = write(tmp_path, {"train.tmx": [text], "more.tmx": [text]})
        corpus = read(folder, split="train", pair=PAIR)
        assert corpus.rows == [("en of it", "de of it")]
        assert corpus.notes == (f"{tmp_path}: not read: more.tmx",)


class TestFilesBySplit:
    @pytest.mark.parametrize("reverse", [False, True])
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_the_order_of_files_does_not_matter_where_names_match(
        self, tmp_path: Path, layout: str, reverse: bool
    ) -> None:
        english, german = LAYOUTS[layout]
        folder = write(tmp_path, {english: ENGLISH, german: GERMAN})
        files = [folder / english, folder / german][:: -1 if reverse else 1]
        for pair, rows in ((PAIR, EN_DE), (PAIR[::-1], DE_EN)):
            corpus = read({"train": files}, split="train", pair=pair)
            assert corpus.rows == rows
            assert corpus.notes == ()

    def test_folders_above_the_files_are_no_sides(self, tmp_path: Path) -> None:
        folder = write(tmp_path / "de" / "data", {"left.txt": ENGLISH, "right.txt": GERMAN})
        files = {"train": [folder / "left.txt", folder / "right.txt"]}
        assert read(files, split="train", pair=["en", "de"]).rows == EN_DE

    def test_without_names_the_order_counts_and_is_noted(self, tmp_path: Path) -> None:
        folder = write(tmp_path, {"left.txt": ENGLISH, "right.txt": GERMAN})
        files = {"train": [folder / "left.txt", folder / "right.txt"]}
        corpus = read(files, split="train", pair=["en", "de"])
        assert corpus.rows == EN_DE
        (note,) = corpus.notes
        assert note.startswith("sides of train, in the order given: en = ")
        assert note.endswith("right.txt")

    def test_one_name_is_enough(self, tmp_path: Path) -> None:
        folder = write(tmp_path, {"text.txt": ENGLISH, "text.de": GERMAN})
        files = {"train": [folder / "text.de", folder / "text.txt"]}
        corpus = read(files, split="train", pair=["en", "de"])
        assert corpus.rows == EN_DE
        assert "by one name: en = " in corpus.notes[0]

    def test_two_files_of_one_side_are_refused(self, tmp_path: Path) -> None:
        folder = write(tmp_path, {"a.en": ENGLISH, "b.en": GERMAN})
        with pytest.raises(DataError, match="are both en by their names"):
            read({"train": [folder / "a.en", folder / "b.en"]}, split="train", pair=PAIR)

    def test_an_order_that_names_contradict_elsewhere_is_refused(self, tmp_path: Path) -> None:
        folder = write(tmp_path, dict.fromkeys(("a.de", "a.en", "left", "right"), ENGLISH))
        files = {
            "train": [folder / "a.de", folder / "a.en"],
            "test": [folder / "left", folder / "right"],
        }
        with pytest.raises(DataError, match="their order cannot be trusted"):
            read(files, split="train", pair=PAIR)


class TestMissingPaths:
    @pytest.fixture(autouse=True)
    def _here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(write(tmp_path, {"my-folder/train.txt": ENGLISH, "corpus.txt": GERMAN}))

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The names that the Hub, which does not answer, was asked for."""
        import huggingface_hub

        names: list[str] = []

        def unreachable(_: object, name: str, **__: object) -> None:
            names.append(name)
            raise OSError("Name or service not known")

        monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", unreachable)
        return names

    @pytest.mark.parametrize(
        "source",
        [
            "my-folder/trian",
            "corpsu.txt",
            "no such",
            "a/b/c",
            "../x",
            "~no/x",
            "a" * 300,
            "a\0",
        ],
    )
    def test_a_path_is_never_asked_of_the_hub(self, source: str, asked: list[str]) -> None:
        with pytest.raises(DataError, match=r"^There is no file or folder"):
            read(source, split="train")
        assert asked == []

    def test_the_nearest_name_is_the_hint(self) -> None:
        with pytest.raises(DataError) as caught:
            read("my-folder/train.text.gz", split="train")
        assert caught.value.hint == 'did you mean "my-folder/train.txt"?'

    @pytest.mark.parametrize("source", ["my-foldr", "someone/my-folder"])
    def test_a_name_is_a_missing_path_first_and_then_one_of_the_hub(
        self, source: str, asked: list[str]
    ) -> None:
        with pytest.raises(DataError) as caught:
            read(source, split="train")
        first, second = "There is no file or folder", "could not be reached"
        assert caught.value.message.index(first) < caught.value.message.index(second)
        assert asked == [source]
        if source == "my-foldr":
            assert str(caught.value.hint).startswith('did you mean "my-folder"?')


class TestNamesOfBuiltInSources:
    @pytest.fixture(autouse=True)
    def _here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def test_a_folder_of_the_same_name_is_asked_about(self, tmp_path: Path) -> None:
        write(tmp_path, {"dates/train.txt": ENGLISH, "counting/train.txt": ENGLISH})
        with pytest.raises(DataError, match='"dates" is a built-in source, and there is') as caught:
            read("dates", split="train")
        assert '"./dates"' in str(caught.value.hint)
        assert '"built-in:dates"' in str(caught.value.hint)
        with pytest.raises(DataError, match='"counting" is a built-in source'):
            read("counting", split="train", pair=["prompt", "completion"])

    def test_either_can_be_written(self, tmp_path: Path) -> None:
        built_in = read("dates", split="test").rows
        write(tmp_path, {"dates/test.txt": ENGLISH})
        assert read("./dates", split="test").rows == ENGLISH
        assert read("built-in:dates", split="test").rows == built_in

    def test_a_run_folder_is_no_source(self, tmp_path: Path) -> None:
        write(tmp_path, {"dates/recipe.toml": [], "dates/log.jsonl": []})
        assert len(read("dates", split="test")) == 1000
