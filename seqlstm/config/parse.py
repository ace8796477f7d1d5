"""TOML and overrides to a `Recipe`, or to every mistake in them at once."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from seqlstm.config.base import Table
from seqlstm.config.components import Catalogue
from seqlstm.config.consistency import inconsistencies
from seqlstm.config.messages import explain
from seqlstm.config.recipe import Recipe
from seqlstm.config.renamed import rename_keys
from seqlstm.errors import Mistake, RecipeError


def read_table(path: Path) -> Table:
    """The tables of a TOML file.

    Raises:
        RecipeError: it cannot be read, is not UTF-8, or is not TOML; names the line.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(str(path), [Mistake("file", error.strerror or str(error))]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise RecipeError(str(path), [Mistake("file", f"line {line} is not UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(str(path), [Mistake("syntax", str(error))]) from None


def read_overrides(table: Table, overrides: Sequence[str]) -> Table:
    """A copy of `table` with each `dotted.key=value` put in.

    A value is TOML (`200`, `2e-3`, `{kind="gru"}`); what is not TOML is a string; an empty one
    takes the key away, so that its default holds.

    Raises:
        RecipeError: an override without "=", or below a key that is no table.
    """
    merged = {key: copy_tables(value) for key, value in table.items()}
    mistakes = [problem for one in overrides if (problem := put(merged, one)) is not None]
    if mistakes:
        raise RecipeError("overrides", mistakes)
    return merged


def copy_tables(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: copy_tables(part) for key, part in value.items()}
    return value


def put(table: Table, override: str) -> Mistake | None:
    key, equals, text = override.partition("=")
    if not equals:
        return Mistake(override, "not an override", "write key=value")
    *parents, last = key.strip().split(".")
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
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def parse(table: Table, *, where: str, catalogue: Catalogue | None = None) -> Recipe:
    """The recipe that a table states.

    Args:
        table: as read from TOML.
        where: the name that an error gives to it.
        catalogue: the tasks, and constructors that the options of cells and attentions are checked
            against; without one any name and option will do.

    Raises:
        RecipeError: with every mistake.
    """
    table, mistakes = rename_keys(table)
    mistakes += inconsistencies(table, (catalogue or {}).get("task", {}))
    try:
        recipe = Recipe.model_validate(table, context=dict(catalogue or {}))
    except ValidationError as error:
        problems = [explain(detail, table) for detail in error.errors()]
        raise RecipeError(where, [*problems, *mistakes]) from None
    if mistakes:
        raise RecipeError(where, mistakes)
    return recipe
