"""The combinations of a sweep: their names and their changes to the recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from seqlstm.config import Recipe
from seqlstm.config.base import Table
from seqlstm.sweep.schema import Expectation, Sweep, Variant, flat_keys


@dataclass(frozen=True)
class Variation:
    """A variant together with one choice of the varied values.

    Attributes:
        name: its name in tables.
        point: the varied values, as in the name.
        variant: None in a sweep without variants.
        changes: tables that override the recipe, one after the other.
        varied: values by dotted key that override the result.
    """

    name: str
    point: str
    variant: Variant | None
    changes: tuple[Table, ...]
    varied: Table

    def apply(self, recipe: Table) -> Table:
        """The recipe with these changes."""
        for changes in self.changes:
            recipe = overlay(recipe, changes)
        for key, value in self.varied.items():
            recipe = with_key(recipe, key, value)
        return recipe

    @property
    def keys(self) -> set[str]:
        """The dotted keys of the recipe that it sets."""
        return {key for table in (*self.changes, self.varied) for key in flat_keys(table)}


@dataclass(frozen=True)
class Combination:
    """A resolved recipe of a sweep.

    Attributes:
        variation: its changes to the recipe.
        recipe: with the hidden size for the budget; each run sets the seed.
        parameters: number of parameters; None without a budget.
    """

    variation: Variation
    recipe: Recipe
    parameters: int | None = None

    @property
    def name(self) -> str:
        return self.variation.name

    @property
    def expect(self) -> Expectation | None:
        """The expected score, if there is one."""
        return self.variation.variant.expect if self.variation.variant else None


def variations_of(sweep: Sweep, recipe: str) -> Iterator[Variation]:
    """All variations, point by point; in a sweep that varies nothing its name is `recipe`."""
    keys = dict(zip(sweep.vary, shortened([*sweep.vary]), strict=True))
    for values in product(*sweep.vary.values()):
        varied = dict(zip(keys, values, strict=True))
        point = ", ".join(f"{keys[key]}={short_text(value)}" for key, value in varied.items())
        for variant in sweep.variants or (None,):
            parts = [variant.name if variant else "", point]
            own = (variant.set,) if variant else ()
            name = ", ".join(filter(None, parts)) or recipe
            yield Variation(name, point, variant, (sweep.set, *own), varied)


def overlay(table: Table, changes: Table) -> Table:
    """A table with changes merged into it, key by key.

    A table with a `kind` replaces the old value with all its options; an empty string removes its
    key, as on the command line.
    """
    merged = dict(table)
    for key, value in changes.items():
        if value == "":
            merged.pop(key, None)
        elif isinstance(value, dict) and "kind" not in value:
            old = merged.get(key)
            merged[key] = overlay(old if isinstance(old, dict) else {}, value)
        else:
            merged[key] = value
    return merged


def with_key(table: Table, key: str, value: Any) -> Table:
    """A table with the value of one dotted key replaced, as by an override."""
    first, _, rest = key.partition(".")
    if rest:
        inner = table.get(first)
        value = with_key(inner if isinstance(inner, dict) else {}, rest, value)
    others = {name: old for name, old in table.items() if name != first}
    return others if value == "" else table | {first: value}


def shortened(keys: list[str]) -> list[str]:
    """The shortest unambiguous suffixes of dotted keys."""

    def end(key: str, parts: int) -> str:
        return ".".join(key.split(".")[-parts:])

    def shortest(key: str) -> str:
        others = [other for other in keys if other != key]
        for parts in range(1, key.count(".") + 1):
            if all(end(other, parts) != end(key, parts) for other in others):
                return end(key, parts)
        return key

    return [shortest(key) for key in keys]


def short_text(value: Any) -> str:
    """A short text for a TOML value; a table starts with its kind."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return " ".join(map(short_text, value))
    if isinstance(value, dict):
        rest = [f"{key}={short_text(part)}" for key, part in value.items() if key != "kind"]
        return " ".join([*([short_text(value["kind"])] if "kind" in value else []), *rest])
    return str(value)
