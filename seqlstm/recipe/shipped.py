"""Shipped recipes and tokenizers: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from os.path import expanduser
from pathlib import Path

from seqlstm.config import read_table
from seqlstm.config.base import Table
from seqlstm.errors import ArgumentError, TokenizerError, nearest


def shipped_folder(folder: str) -> Path:
    """The folder `recipes` or `tokenizers` shipped with the package."""
    package = Path(str(files("seqlstm")))
    inside = package / folder
    return inside if inside.is_dir() else package.parent / folder


def shipped_paths() -> dict[str, Path]:
    """The recipes and sweeps shipped with the package, by name."""
    return {path.stem: path for path in sorted(shipped_folder("recipes").glob("*.toml"))}


def is_sweep(path: Path) -> bool:
    """Whether a file is a sweep: it names the recipe that it varies."""
    return "recipe" in read_table(path)


def recipe_paths() -> dict[str, Path]:
    """The recipes shipped with the package, by name."""
    return {name: path for name, path in shipped_paths().items() if not is_sweep(path)}


def sweep_paths() -> dict[str, Path]:
    """The sweeps shipped with the package, by name."""
    return {name: path for name, path in shipped_paths().items() if is_sweep(path)}


def find_recipe(name: str) -> Path:
    """A recipe's file, from its path or the name of one shipped with the package.

    Raises:
        ArgumentError: there is none (the hint is the nearest name), or it is a sweep.
    """
    path = find_shipped(name, what="recipe", known=recipe_paths)
    refuse_sweep(name, read_table(path))
    return path


def refuse_sweep(name: str, table: Table) -> None:
    if "recipe" in table:
        raise ArgumentError(f"{name} is a sweep, not a recipe", hint=f"seqlstm sweep {name}")


def find_sweep(name: str) -> Path:
    """A sweep's file, from its path or the name of one shipped with the package.

    Raises:
        ArgumentError: there is none (the hint is the nearest name), or it is a recipe.
    """
    path = find_shipped(name, what="sweep", known=sweep_paths)
    if not is_sweep(path):
        raise ArgumentError(
            f"{name} is no sweep: it names no recipe that it varies",
            hint=f"seqlstm train {name} trains a recipe as it is.",
        )
    return path


def find_either(name: str) -> Path:
    """A recipe's or a sweep's file.

    Raises:
        ArgumentError: there is none; the hint is the nearest name.
    """
    return find_shipped(name, what="recipe", known=shipped_paths)


def find_shipped(name: str, *, what: str, known: Callable[[], dict[str, Path]]) -> Path:
    """A file from its path or the name of one shipped with the package.

    Args:
        name: path or name.
        what: "recipe" or "sweep", for the error.
        known: returns the shipped files of that kind, for the error's hint.

    Raises:
        ArgumentError: there is no such file; the hint is the nearest name.
    """
    path = Path(expanduser(name))
    if path.is_file():
        return path
    if name in shipped_paths():
        return shipped_paths()[name]
    names = known()
    hint = nearest(name, names) or f"Shipped: {', '.join(names)}."
    raise ArgumentError(f'no {what} "{name}": neither a file nor the name of one', hint=hint)


def find_tokenizer(file: str) -> Path:
    """A SentencePiece model's file: a path, or a shipped "tokenizers/NAME.model".

    Raises:
        TokenizerError: there is no such file.
    """
    path = Path(expanduser(file))
    if path.is_file():
        return path
    if path.parts[:1] == ("tokenizers",):
        inside = shipped_folder("tokenizers").joinpath(*path.parts[1:])
        if inside.is_file():
            return inside
    paths = shipped_folder("tokenizers").glob("*.model")
    known = ", ".join(f"tokenizers/{path.name}" for path in paths)
    raise TokenizerError(f"no tokenizer {file}", hint=f"Shipped: {known}.")
