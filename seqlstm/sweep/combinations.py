"""The combinations of a sweep: their names, and what each changes of the recipe."""

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
    """A variant at one choice of the varied values.

    Attributes:
        name: what tables call it.
        point: the varied values, as its name gives them.
        variant: None in a sweep without variants.
        changes: tables to lay over the recipe, one after the other.
        varied: values to put in after them, by dotted key.
    """

    name: str
    point: str
    variant: Variant | None
    changes: tuple[Table, ...]
    varied: Table

    def of(self, recipe: Table) -> Table:
        """The recipe in this form."""
        for changes in self.changes:
            recipe = overlay(recipe, changes)
        for key, value in self.varied.items():
            recipe = put_in(recipe, key, value)
        return recipe

    @property
    def keys(self) -> set[str]:
        """The dotted keys of the recipe that it sets."""
        return {key for table in (*self.changes, self.varied) for key in flat_keys(table)}


@dataclass(frozen=True)
class Combination:
    """A form of the recipe, resolved.

    Attributes:
        form: what it changes.
        recipe: with the hidden size that the budget gives; the seed is set by each run.
        parameters: at that size; None without a budget.
    """

    form: Variation
    recipe: Recipe
    parameters: int | None = None

    @property
    def name(self) -> str:
        return self.form.name

    @property
    def expect(self) -> Expectation | None:
        """What its score has to be."""
        return self.form.variant.expect if self.form.variant else None


def forms_of(sweep: Sweep, recipe: str) -> Iterator[Variation]:
    """Every form, point by point; `recipe` names the only one of a sweep that varies nothing."""
    keys = dict(zip(sweep.vary, shortened([*sweep.vary]), strict=True))
    for values in product(*sweep.vary.values()):
        chosen = dict(zip(keys, values, strict=True))
        point = ", ".join(f"{keys[key]}={spelled(value)}" for key, value in chosen.items())
        for variant in sweep.variants or (None,):
            parts = [variant.name if variant else "", point]
            own = (variant.set,) if variant else ()
            name = ", ".join(filter(None, parts)) or recipe
            yield Variation(name, point, variant, (sweep.set, *own), chosen)


def overlay(table: Table, changes: Table) -> Table:
    """A table with changes laid over it, key by key.

    A table with a `kind` replaces what stood there, options and all; an empty string takes its key
    away, as it does on the command line.
    """
    merged = dict(table)
    for key, value in changes.items():
        if value == "":
            merged.pop(key, None)
        elif isinstance(value, dict) and "kind" not in value:
            below = merged.get(key)
            merged[key] = overlay(below if isinstance(below, dict) else {}, value)
        else:
            merged[key] = value
    return merged


def put_in(table: Table, key: str, value: Any) -> Table:
    """A table with a dotted key's value in it, as from the command line: its neighbours stay."""
    first, _, rest = key.partition(".")
    if rest:
        below = table.get(first)
        value = put_in(below if isinstance(below, dict) else {}, rest, value)
    kept = {name: one for name, one in table.items() if name != first}
    return kept if value == "" else table | {first: value}


def shortened(keys: list[str]) -> list[str]:
    """The shortest ends of dotted keys that still tell them apart."""

    def end(key: str, parts: int) -> str:
        return ".".join(key.split(".")[-parts:])

    def shortest(key: str) -> str:
        others = [other for other in keys if other != key]
        for parts in range(1, key.count(".") + 1):
            if all(end(other, parts) != end(key, parts) for other in others):
                return end(key, parts)
        return key

    return [shortest(key) for key in keys]


def spelled(value: Any) -> str:
    """A TOML value in few characters; a table by its kind first."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return " ".join(map(spelled, value))
    if isinstance(value, dict):
        rest = [f"{key}={spelled(part)}" for key, part in value.items() if key != "kind"]
        return " ".join([*([spelled(value["kind"])] if "kind" in value else []), *rest])
    return str(value)
