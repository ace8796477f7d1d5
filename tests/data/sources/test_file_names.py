"""Splits and sides in the names of files."""

from __future__ import annotations

from pathlib import PurePosixPath as Name

import pytest

from seqlstm.data.sources.file_names import find_sides, side_of, split_of, without_side

PAIR = ("en", "de")


@pytest.mark.parametrize(
    "name",
    [
        "train.en",
        "train.en.txt",
        "en.train.txt",
        "train-en.txt",
        "train_en.txt",
        "train.en-de.en",
        "train.de-en.en",
        "train.tags.de-en.en",
        "train.en.txt.gz",
        "train.en.xz",
        "en/train.txt",
        "train/en.txt",
        "en-de/train.en",
        "train.EN",
        "train.en_US.txt",
    ],
)
def test_a_side_is_a_part_of_a_name(name: str) -> None:
    for pair in (PAIR, PAIR[::-1]):
        assert side_of(Name(name), pair) == "en"
    assert side_of(Name(name), ("translation.en", "translation.de")) == "translation.en"
    assert split_of(Name(name)) == "train"


@pytest.mark.parametrize(
    "name", ["train.txt", "train.en-de.txt", "en-de/train.txt", "de/train.en", "pattern.txt", "enx"]
)
def test_a_name_without_one_side_is_none(name: str) -> None:
    assert side_of(Name(name), PAIR) is None


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("en/train.txt", "de/train.txt"),
        ("train/en.txt", "train/de.txt.gz"),
        ("train/en.TXT", "train/de.txt.GZ"),
        ("train.en-de.en", "train.en-de.de"),
        ("train-en.txt", "train-de.txt"),
        ("en.train.txt", "de.train.txt"),
    ],
)
def test_files_that_differ_in_the_side_alone_belong_together(english: str, german: str) -> None:
    assert without_side(Name(english), "en", PAIR) == without_side(Name(german), "de", PAIR)
    assert without_side(Name(english), "en", PAIR) != without_side(Name("dev.en"), "en", PAIR)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("training.en", "train"),
        ("dev.en", "validation"),
        ("valid/en.txt", "validation"),
        ("test2016.en", "test"),
        ("test_2016_flickr.en", "test"),
        ("train/dev.en", "train"),
        ("newstest2014.en", None),
        ("train-dev.en", None),
    ],
)
def test_the_split_is_a_part_too(name: str, split: str | None) -> None:
    assert split_of(Name(name)) == split


@pytest.mark.parametrize(
    ("names", "sides"),
    [
        ("train.en train.de", ["de", "en"]),
        ("train.en.txt train.de.txt dev.en.txt dev.de.txt", ["de", "en"]),
        ("train.src train.tgt", ["src", "tgt"]),
        ("train.target train.source", ["source", "target"]),
        ("train.en-de.en train.en-de.de", ["de", "en"]),
        ("en/train.txt de/train.txt", ["de", "en"]),
        ("law.en law.de news.en news.de", ["de", "en"]),
        ("train-en.txt train-de.txt", ["de", "en"]),
        ("corpus.english corpus.german", ["english", "german"]),
        ("train.xyz train.qqq", ["qqq", "xyz"]),
        ("a.en a.de a.fr", ["de", "en", "fr"]),
        ("train.txt test.txt", []),
        ("train.txt train.txt.GZ", []),
        ("train.en test.en", []),
        ("war.txt peace.txt", []),
        ("train.1 train.2", []),
    ],
)
def test_sides_are_what_names_differ_in(names: str, sides: list[str]) -> None:
    assert find_sides(map(Name, names.split())) == sides
