"""Random damage to the recipes and sweeps that came with the package, from a seed."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any

import tomli_w

from seqlstm.recipe.shipped import recipe_paths, sweep_paths

Place = tuple[Any, Any]
"""A table or an array, and one of its keys or indices."""

VALUES: tuple[Any, ...] = (
    *(0, 1, -1, 2, 3, 7, 10**9, 10**12, 2**31, 2**32, 2**63 - 1, 2**63, 2**64, -(2**63), 10**400),
    *(0.0, -0.0, 0.5, 1.0, -1.5, 1e308, 5e-324, float("nan"), float("inf"), float("-inf")),
    *(True, False),
    *("", " ", "x", "auto", "1", "true", "nan", "[", "{}", "lstm", "xlstm", "softmax", "en"),
    *("x" * 10_000, "é", "日本語", "\u202e", "\0", "\x1b]0;title\x07", "[red]x[/]", "[/x]"),
    *("../..", "/dev/null", "~nobody/x", "a.b", "%s%n", "\n", "{0}", "$HOME"),
    *([], {}, [[]], [{}], {"": 1}, {"a.b": 1}, {'"': 1}, {"kind": []}, {"kind": {}}, {"kind": 1}),
    *({"kind": "lstm"}, {"kind": "sgd"}, {"train": 1}, {"kind": "stream"}, {"file": []}),
    *([1, 2], ["en"], ["en", "de", "fr"], [1, "a"], [True], [0.5], [1.0, float("nan")]),
    *([1] * 1000, {str(number): number for number in range(100)}),
    *(date(2024, 5, 1), time(12, 30), datetime(2024, 5, 1, 12, 30, tzinfo=UTC)),
)
NAMES = (
    "",
    ".",
    "a.b",
    '"',
    "'",
    "kind",
    "recipe",
    "é",
    "x" * 1000,
    "model",
    "seed",
    "\n",
    "__x__",
)
SNIPPETS = (
    *("=", "[", "]", "{", "}", '"', '"""', "'", "#", "\n", "\r", "\0", "\x07", "\x1b[31m", ","),
    *("[[", "]]", "[model]", "[[model]]", "[a.b.c]", "seed = 1\n", "a.b = 1\n", " = 1\n", "\ufeff"),
    *(
        f"x = {'[' * 1000}\n",
        f"x = {'{a=' * 1000}\n",
        f"{'a.' * 1000}b = 1\n",
        f"x = {'9' * 5000}\n",
    ),
    *(f"x = 0x{'f' * 5000}\n", "x = 1979-13-45\n", "x = 1e999\n", "x = 07\n", "é = 1\n"),
)


def mutations(seed: int) -> Iterator[str]:
    """Damaged recipes without end, each as the text of a TOML file."""
    return damaged(read(recipe_paths), random.Random(seed))


def sweep_mutations(seed: int) -> Iterator[str]:
    """Damaged sweeps without end."""
    return damaged(read(sweep_paths), random.Random(seed))


@cache
def read(paths: Callable[[], dict[str, Any]]) -> tuple[str, ...]:
    return tuple(path.read_text(encoding="utf-8") for _, path in sorted(paths().items()))


def damaged(texts: tuple[str, ...], generator: random.Random) -> Iterator[str]:
    """Texts with one to three changes: of tables, or, one in four, of the text itself."""
    while True:
        text = generator.choice(texts)
        if generator.random() < 0.25:
            yield damaged_text(text, generator)
            continue
        table = tomllib.loads(text)
        for _ in range(generator.choice((1, 1, 1, 2, 3))):
            generator.choice(CHANGES)(table, generator)
        yield tomli_w.dumps(table)


def damaged_text(text: str, generator: random.Random) -> str:
    """A text that is cut, doubled, or has a snippet at a random place."""
    first, second = sorted(generator.choices(range(len(text) + 1), k=2))
    snippet = generator.choice(SNIPPETS)
    return generator.choice(
        (
            text[:first],
            text[:first] + text[second:],
            text[:first] + snippet + text[first:],
            text[:first] + snippet + text[second:],
            text[:second] + text[first:],
        )
    )


def places(value: Any) -> list[Place]:
    """Every place in a table, at any depth."""
    found: list[Place] = []
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        found.append((value, key))
        if isinstance(value[key], dict | list):
            found += places(value[key])
    return found


def replace_value(table: Any, generator: random.Random) -> None:
    """Another value, half of the time one of the same type."""
    holder, key = generator.choice(places(table))
    alike = [value for value in VALUES if type(value) is type(holder[key])]
    values = alike if alike and generator.random() < 0.5 else VALUES
    holder[key] = deepcopy(generator.choice(values))


def delete(table: Any, generator: random.Random) -> None:
    holder, key = generator.choice(places(table))
    del holder[key]
    if not table:
        table["seed"] = 1


def rename(table: Any, generator: random.Random) -> None:
    holder, key = generator.choice(places(table))
    if isinstance(holder, dict):
        name = generator.choice((*NAMES, key[1:], f"{key}s", key.upper()))
        holder[name] = holder.pop(key)


def duplicate(table: Any, generator: random.Random) -> None:
    """A value also stands at another place."""
    found = places(table)
    (holder, key), (other, name) = generator.choice(found), generator.choice(found)
    other[name] = deepcopy(holder[key])


def swap(table: Any, generator: random.Random) -> None:
    found = places(table)
    (holder, key), (other, name) = generator.choice(found), generator.choice(found)
    first, second = deepcopy(holder[key]), deepcopy(other[name])
    holder[key] = second
    if key in holder and (isinstance(other, dict) or name < len(other)):
        other[name] = first


def add(table: Any, generator: random.Random) -> None:
    """A key of the recipe, or of no recipe, with any value, in any table."""
    tables = [table, *(holder[key] for holder, key in places(table))]
    holder = generator.choice([value for value in tables if isinstance(value, dict)])
    holder[generator.choice((*NAMES, *KEYS))] = deepcopy(generator.choice(VALUES))


def wrap(table: Any, generator: random.Random) -> None:
    """A value becomes an array or a table of itself, up to 1,000 levels deep."""
    holder, key = generator.choice(places(table))
    value = holder[key]
    for _ in range(generator.choice((1, 1, 2, 20))):
        value = [value] if generator.random() < 0.5 else {str(key): value}
    holder[key] = value


KEYS = (
    *(
        "source",
        "pair",
        "text",
        "unit",
        "splits",
        "batching",
        "options",
        "max_length_ratio",
        "file",
    ),
    *("batch_size", "bptt", "bptt_std", "max_tokens", "vocab_size", "joint", "hidden_size"),
    *("num_layers", "embedding_dim", "cell", "attention", "output", "dropout", "zoneout"),
    *("connection", "backend", "tie_embeddings", "encoder", "decoder", "layers", "best_by"),
    *("metric", "task", "threads", "device", "precision", "optimizer", "schedule", "averaging"),
    *(
        "regularizers",
        "patience",
        "steps",
        "minutes",
        "seeds",
        "vary",
        "variants",
        "budget",
        "file",
    ),
    *(
        "beam_size",
        "rounds",
        "rank",
        "heads",
        "forget_bias",
        "extent",
        "kernel",
        "mlstm",
        "cutoffs",
    ),
)
CHANGES = (
    replace_value,
    replace_value,
    replace_value,
    delete,
    rename,
    duplicate,
    swap,
    add,
    add,
    wrap,
)
