"""Parsing: from TOML and overrides to a `Recipe`, or to an error with every mistake."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from seqlstm.config.base import Table
from seqlstm.config.components import Catalogue
from seqlstm.config.consistency import inconsistencies
from seqlstm.config.messages import dotted_key, explain, has_wrong_shape
from seqlstm.config.recipe import Recipe
from seqlstm.config.renamed import rename_keys
from seqlstm.config.values import MAX_DEPTH, TomlSyntaxError, load_toml, number_mistakes, shown
from seqlstm.errors import DataError, Mistake, RecipeError
from seqlstm.runtime.text_input import decode_text


def read_table(path: Path) -> Table:
    """The tables of a TOML file.

    Raises:
        RecipeError: it cannot be read, is not UTF-8, or is not TOML; names the line.
    """
    try:
        return load_toml(decode_text(path.read_bytes(), str(path)))
    except OSError as error:
        raise RecipeError(str(path), [Mistake("file", error.strerror or str(error))]) from None
    except DataError as error:
        raise RecipeError(str(path), [Mistake("file", error.message)]) from None
    except TomlSyntaxError as error:
        raise RecipeError(str(path), [Mistake("syntax", str(error))]) from None


def read_overrides(table: Table, overrides: Sequence[str]) -> Table:
    """A copy of `table` with overrides `dotted.key=value`.

    A value is TOML (`200`, `2e-3`, `{kind="gru"}`); text that is not TOML is a string; an empty
    value removes the key, so that its default holds.

    Raises:
        RecipeError: an override without "=", or below a key that is no table.
    """
    merged = deepcopy(table)
    mistakes = [mistake for override in overrides if (mistake := set_key(merged, override))]
    if mistakes:
        raise RecipeError("overrides", mistakes)
    return merged


def set_key(table: Table, override: str) -> Mistake | None:
    """Apply one override to a table, in place; returns what is wrong with it."""
    key, equals, text = override.partition("=")
    *parents, last = names = [name.strip() for name in key.split(".")]
    if not equals or not all(names) or len(names) > MAX_DEPTH:
        return Mistake(shown(override), "not an override", "write key=value")
    if override.encode(errors="replace").decode() != override:
        return Mistake(shown(key), "the value is not UTF-8", "rename a file that has such a name")
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            return Mistake(key, f"{parent} is a value, not a table")
    if text := text.strip():
        table[last] = toml_value(text)
    else:
        table.pop(last, None)
    return None


def toml_value(text: str) -> Any:
    """A value in TOML; the text itself if it is not one value."""
    try:
        table = load_toml(f"value = {text}")
    except TomlSyntaxError:
        return text
    return table["value"] if len(table) == 1 else text


def parse(table: Table, *, where: str, catalogue: Catalogue | None = None) -> Recipe:
    """The recipe of a table.

    Args:
        table: as read from TOML.
        where: name of the table in errors.
        catalogue: the tasks and components that names and options are checked against; by default
            every name and option is valid.

    Raises:
        RecipeError: with every mistake.
    """
    table, mistakes = rename_keys(table)
    tasks = (catalogue or {}).get("task", {})
    if wrong := [*number_mistakes(table)]:
        raise RecipeError(where, [*wrong, *mistakes])
    try:
        recipe = Recipe.model_validate(table, context=dict(catalogue or {}))
    except ValidationError as error:
        details = error.errors()
        problems = dict.fromkeys(explain(detail, table) for detail in details)
        unusable = {dotted_key(one, table) for one in details if has_wrong_shape(one)}
        mistakes += inconsistencies(table, tasks, unusable=unusable)
        raise RecipeError(where, [*problems, *mistakes]) from None
    if mistakes := [*mistakes, *inconsistencies(table, tasks)]:
        raise RecipeError(where, mistakes)
    return recipe
