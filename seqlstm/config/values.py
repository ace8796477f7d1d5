"""Checks of a TOML document's values, whatever their keys: numbers, and depth of tables."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from seqlstm.config.base import Table
from seqlstm.errors import Mistake

MAX_DEPTH = 16
"""Levels of tables and arrays; a recipe has five."""
MAX_SHOWN = 100
"""Characters of a value in a message."""
INT64 = range(-(2**63), 2**63)
LARGEST_FLOAT32 = 3.4028234663852886e38


class TomlSyntaxError(ValueError):
    """Text that is not TOML, or that no recipe can hold."""


def load_toml(text: str) -> Table:
    """The tables of a TOML document.

    Raises:
        TomlSyntaxError: it is not TOML, or deeper than `MAX_DEPTH`.
    """
    try:
        table = tomllib.loads(text)
    except RecursionError:
        table = None
    except ValueError as error:  # also of numbers with thousands of digits
        raise TomlSyntaxError(shortened(str(error), 3 * MAX_SHOWN)) from error
    if table is None or too_deep(table):
        raise TomlSyntaxError(f"tables or arrays inside each other, more than {MAX_DEPTH} levels")
    return table


def too_deep(value: Any) -> bool:
    """Whether tables and arrays have more than `MAX_DEPTH` levels."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        tables = [item for item in level if isinstance(item, dict | list)]
        if not tables:
            return False
        level = [part for item in tables for part in parts(item).values()]
    return True


def parts(value: Any) -> dict[Any, Any]:
    """The items of a table, or of an array by index."""
    return value if isinstance(value, dict) else dict(enumerate(value))


def number_mistakes(value: Any, key: str = "") -> Iterator[Mistake]:
    """The numbers inside of a value that neither float32 nor integers of 64 bits can hold."""
    if isinstance(value, dict | list):
        for name, part in parts(value).items():
            below = f"[{name + 1}]" if isinstance(name, int) else f".{toml_key(name)}"
            yield from number_mistakes(part, f"{key}{below}".removeprefix("."))
    elif isinstance(value, float) and not math.isfinite(value):
        yield Mistake(key, f"must be a finite number, was: {value}")
    elif isinstance(value, float) and abs(value) > LARGEST_FLOAT32:
        yield Mistake(key, f"must be a number of at most {LARGEST_FLOAT32:.2e}, was: {value}")
    elif isinstance(value, int) and value not in INT64:
        yield Mistake(key, f"must be an integer of at most 64 bits, was: {shown(value)}")


def shown(value: Any) -> str:
    """A value in a message, shortened."""
    if isinstance(value, int) and value not in INT64:
        return f"one of {value.bit_length():,} bits"
    if isinstance(value, dict | list | tuple) and too_deep(value):
        return f"a {'table' if isinstance(value, dict) else 'list'}"
    if isinstance(value, bool):
        return str(value).lower()
    return shortened(str(value), MAX_SHOWN)


def shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"


def toml_key(key: str) -> str:
    """A key as TOML writes it: quoted, unless it is a bare one."""
    bare = re.fullmatch(r"[A-Za-z0-9_-]+", key)
    return shortened(key if bare else json.dumps(key, ensure_ascii=False), MAX_SHOWN)
