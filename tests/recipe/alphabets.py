"""Translators between two alphabets, with a vocabulary for each side."""

from __future__ import annotations

from pathlib import Path

from seqlstm.config import Recipe
from seqlstm.inference.translator import LoadedTranslator
from seqlstm.recipe.load import load
from seqlstm.recipe.read import read_recipe
from seqlstm.recipe.train import start
from seqlstm.run.folder import RunFolder
from tests.runs import TRANSLATOR, in_greek_letters, pairs_of, write_lines, write_recipe

SIZES = (305, 295)
APART = ("tokenizer.joint=false", f"tokenizer.vocab_size={list(SIZES)}")
SHORT = (
    "data.max_length=200",
    "training.steps=4",
    "training.validate_every=2",
    "training.metric=bleu",
)


def greek_pairs(split: str) -> list[tuple[str, str]]:
    return [(source, in_greek_letters(target)) for source, target in pairs_of(split)]


def write_alphabets(folder: Path) -> Path:
    """Write a recipe and its data: sources in Latin letters, targets in Greek ones."""
    path = write_recipe(folder, TRANSLATOR)
    for split in ("train", "validation", "test"):
        write_lines(folder / f"{split}.de", [target for _, target in greek_pairs(split)])
    return path


def joint_of(file: Path, *overrides: str) -> Recipe:
    return read_recipe(str(file), [*SHORT, *overrides])


def recipe_of(file: Path, *overrides: str) -> Recipe:
    return joint_of(file, *APART, *overrides)


def trained(recipe: Recipe, path: Path) -> RunFolder:
    list(start(recipe, path).run())
    return RunFolder.open(path)


def translator_of(run: RunFolder) -> LoadedTranslator:
    loaded = load(run.path, weights="last", device="cpu")
    assert isinstance(loaded, LoadedTranslator)
    return loaded
