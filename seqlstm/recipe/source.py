"""The source of a recipe: one replaced by another, and a pair that the files state."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from seqlstm.config import Catalogue, Recipe, parse, read_overrides
from seqlstm.config.base import Table
from seqlstm.data.sources.directions import find_pair
from seqlstm.errors import DataError, Mistake, RecipeError
from seqlstm.recipe.tasks.registry import TASKS

SOURCE_KEYS = ("name", "revision", "options")
"""Keys of `data` that belong to one source, and mean nothing for another."""


def parse_with_source(
    table: Table,
    overrides: Sequence[str],
    *,
    where: str,
    catalogue: Catalogue,
    base: Table | None = None,
    changed: Collection[str] = (),
) -> Recipe:
    """The recipe of a table with overrides; its notes report what was decided on its source.

    A source that replaces another loses the `SOURCE_KEYS` of that one, and a missing pair is the
    one that the files state.

    Args:
        table: as read from TOML.
        overrides: by dotted key.
        where: name of the table in errors.
        catalogue: as for `parse`.
        base: the table before other changes were made to it; by default `table`.
        changed: the dotted keys of these changes.

    Raises:
        RecipeError: with every mistake.
    """
    merged = read_overrides(table, overrides)
    notes = [*_drop_settings(merged, base or table, overrides, changed)]
    mistake = _find_missing_pair(merged, notes)
    try:
        recipe = parse(merged, where=where, catalogue=catalogue)
    except RecipeError as error:
        if mistake is None:
            raise
        others = [one for one in error.mistakes if one.key != mistake.key]
        raise RecipeError(where, [*others, mistake]) from None
    return recipe.with_notes(notes)


def _drop_settings(
    merged: Table, base: Table, overrides: Sequence[str], changed: Collection[str]
) -> Iterator[str]:
    """Remove the settings of a replaced source, in place; the lines that report it."""
    before, now = _section(base), _section(merged)
    if "source" not in before or before["source"] == now.get("source"):
        return
    stated = _section(read_overrides({}, overrides))
    dropped = []
    for key in SOURCE_KEYS:
        if any(f"{name}.".startswith(f"data.{key}.") for name in changed):
            continue
        value = now.pop(key, None)
        if key in stated:
            now[key] = stated[key]
        elif value is not None:
            dropped.append(f"data.{key} = {value!r}".replace("'", '"'))
    if dropped:
        yield f"data.source replaces {before['source']}: without its {', '.join(dropped)}"


def _find_missing_pair(merged: Table, notes: list[str]) -> Mistake | None:
    """Set a translator's missing pair to the one of its files; else the mistake, if any."""
    data = _section(merged)
    task = TASKS.get(str(merged.get("task")))
    if task is None or "pair" not in task.columns or "pair" in data:
        return None
    source: Any = data.get("source")
    if not _is_source(source):
        return None  # `parse` reports it
    try:
        found = find_pair(source)
    except DataError as error:
        return Mistake("data.pair", f"missing: {error.message}", error.hint)
    if found is not None:
        data["pair"] = [*found[0]]
        notes.append(found[1])
    return None


def _section(table: Table) -> Table:
    data = table.get("data")
    return data if isinstance(data, dict) else {}


def _is_source(source: Any) -> bool:
    """Whether a value is a name, or files by split."""
    if not isinstance(source, dict):
        return isinstance(source, str)
    files = [*source.values()]
    listed = [path for one in files for path in (one if isinstance(one, list) else [one])]
    return bool(listed) and [] not in files and all(isinstance(path, str) for path in listed)
