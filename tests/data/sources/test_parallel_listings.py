"""Parallel files that `datasets` lists: archives, configurations of a README, sets of the Hub."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from seqlstm.data.sources import hub
from seqlstm.data.sources.read import Corpus, read
from seqlstm.errors import DataError

CONFIGURATION = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: "*.txt"
---
"""


def write(folder: Path, layout: str, names: Iterable[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Files, each of which holds its name, as a folder or as a set of the Hub."""
    if layout == "archive":
        with zipfile.ZipFile(folder / "data.zip", "w") as archive:
            for name in names:
                archive.writestr(name, f"{name}\n")
        return str(folder)
    for name in names:
        (folder / name).write_text(f"{name}\n")
    if layout == "README":
        (folder / "README.md").write_text(CONFIGURATION)
        return str(folder)
    files = {"train": sorted(str(folder / name) for name in names)}
    listing = hub.FileListing("text", {}, files)
    monkeypatch.setattr(hub, "find_on_hub", lambda *_, **__: listing)
    return "someone/something"


@pytest.mark.parametrize("layout", ["archive", "README", "Hub"])
class TestSides:
    @pytest.fixture
    def read_files(self, tmp_path, monkeypatch, layout):
        def read_files(*names: str, **columns: object) -> Corpus:
            return read(write(tmp_path, layout, names, monkeypatch), split="train", **columns)

        return read_files

    @pytest.mark.parametrize("pair", [("en", "de"), ("de", "en")])
    def test_names_and_not_the_alphabet_give_the_direction(self, read_files, pair) -> None:
        corpus = read_files("train.en.txt", "train.de.txt", pair=pair)
        assert corpus.rows == [(f"train.{pair[0]}.txt", f"train.{pair[1]}.txt")]
        assert corpus.notes == ()

    def test_one_name_is_enough(self, read_files) -> None:
        corpus = read_files("train.en.txt", "train.deutsch.txt", pair=("en", "de"))
        assert corpus.rows == [("train.en.txt", "train.deutsch.txt")]
        assert "sides of train, by one name: en = " in corpus.notes[0]

    def test_names_that_state_nothing_are_refused(self, read_files) -> None:
        with pytest.raises(DataError, match="do not state which one is en") as caught:
            read_files("train-left.txt", "train-right.txt", pair=("en", "de"))
        assert 'source = { train = ["…", "…"] }' in str(caught.value.hint)

    def test_two_files_of_one_side_are_refused(self, read_files) -> None:
        with pytest.raises(DataError, match="are both en by their names"):
            read_files("en-1.txt", "en-2.txt", pair=("en", "de"))

    def test_the_text_of_two_languages_is_never_mixed(self, read_files) -> None:
        with pytest.raises(DataError, match="has text of de and en in the split train"):
            read_files("train.en.txt", "train.de.txt", text="text")

    @pytest.mark.parametrize("columns", [{"text": "text"}, {"pair": ("en", "de")}])
    def test_a_licence_is_no_text(self, read_files, columns) -> None:
        names = ["a.txt"] if "text" in columns else ["a.en.txt", "a.de.txt"]
        corpus = read_files(*names, "LICENSE.txt", **columns)
        assert corpus.rows == (names if "text" in columns else [tuple(names)])
        assert corpus.notes == (f"{corpus.name}: not read: LICENSE.txt",)

    def test_a_licence_alone_is_no_data(self, read_files) -> None:
        with pytest.raises(DataError, match=r"Its splits: none\.") as caught:
            read_files("LICENSE.txt")
        assert str(caught.value.hint).endswith("not read: LICENSE.txt")

    def test_files_of_one_language_are_one_text(self, read_files) -> None:
        assert read_files("train-2.txt", "train-1.txt").rows == ["train-1.txt", "train-2.txt"]
