"""What may change, and what has changed, between the beginning of a run and its resumption."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from seqlstm.config import Recipe
from seqlstm.config.base import Table
from seqlstm.errors import Mistake, RecipeError
from seqlstm.run.card import Card

END_KEYS = {"steps", "epochs", "minutes", "patience", "save_every"}
ENDS = {f"training.{key}" for key in END_KEYS}
"""Keys that a resumed run may change."""
FREE_KEYS = ENDS | {"device", "threads", "precision", "model.backend"}
FREE_SECTION = "decoding."
"""With `FREE_KEYS`, what a person may change in a run's recipe.toml: the weights fit as before."""
ENVIRONMENT = ("threads", "device", "precision", "kernels", "processor", "seqlstm")
"""Entries of a card that change the weights, if only in their last bits, as packages do."""


def recipe_digest(table: Table) -> str:
    """The digest of all keys of a recipe's TOML on which the meaning of the weights depends."""
    bound = {
        key: value
        for key, value in flat(table).items()
        if key not in FREE_KEYS and not key.startswith(FREE_SECTION)
    }
    return sha256(json.dumps(bound, sort_keys=True, default=str).encode()).hexdigest()


def check_same(old: Recipe, new: Recipe, path: Path) -> None:
    """Make sure that two recipes differ in the end of training at most.

    Raises:
        RecipeError: with every other key that differs.
    """
    mistakes = [
        Mistake(key, f"the run has {before}, the recipe {after}")
        for key, before, after in differences(old, new)
        if key not in ENDS
    ]
    if mistakes:
        where = f"{path} cannot be resumed with another recipe ({path}/recipe.toml is its own)"
        raise RecipeError(where, mistakes)


def changed_ends(old: Recipe, new: Recipe) -> Iterator[str]:
    """Lines on the keys of the end of training that differ."""
    for key, before, after in differences(old, new):
        if key in ENDS:
            yield f"changed: {key} from {before} to {after}"


def differences(old: Recipe, new: Recipe) -> list[tuple[str, object, object]]:
    """The dotted keys that differ between two recipes, with their values in both."""
    before, after = flat(old.model_dump()), flat(new.model_dump())
    return [
        (key, before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def changed_environment(old: Card, new: Card) -> list[str]:
    """What differs between the machines, threads and versions of two cards; unknown is equal."""
    before, after = environment(old), environment(new)
    return [
        f"{key} {before[key]}, now {after[key]}"
        for key in before
        if key in after and before[key] != after[key]
    ]


def extent_of(changes: Iterable[str]) -> str:
    """How far weights differ after such changes: another device or precision is no rounding."""
    far = any(change.startswith(("device ", "precision ")) for change in changes)
    return "" if far else " in their last bits"


def environment(card: Card) -> dict[str, object]:
    """The entries of a card on which the last bits of the weights depend."""
    entries = {key: getattr(card, key) for key in ENVIRONMENT}
    entries |= {f"backend of {layer}": name for layer, name in (card.backends or {}).items()}
    entries |= card.packages
    return {key: value for key, value in entries.items() if value is not None}


def flat(table: dict[str, object], prefix: str = "") -> dict[str, object]:
    """The values of nested tables by dotted key."""
    result: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[f"{prefix}{key}"] = value
    return result
