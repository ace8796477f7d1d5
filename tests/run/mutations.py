"""Damage to JSON files: seeded, of many kinds."""

from __future__ import annotations

import json
from copy import deepcopy
from random import Random
from typing import Any

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**63, 10**400, 1e308, -0.5, float("nan"), float("inf"), ""),
    *("x", "[/x]", "\x1b]0;x\x07", "\u0000", "ü" * 300, [], {}, [[]], {"a": {"b": [1]}}, ["x", 1]),
)
RAW = (
    *(b"", b"\n", b"\xff\xfe", b"\xef\xbb\xbf{}", b"[]", b"null", b"1", b'"x"', b"{", b"NaN"),
    *(b"[" * 100_000, b'{"a":' * 100_000, b"9" * 10_000, b'{"format": 1', b"\x00" * 100),
    *(b'{"format": 1}', b'{"format": "2"}', b'{"format": 2.5}', b'{"format": true}', b"{}"),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside of nested tables and lists."""
    if not isinstance(value, dict | list):
        return [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [path, *(place for key, part in inner for place in places(part, (*path, key)))]


def mutated(text: bytes, random: Random) -> bytes:
    """A JSON text with a value replaced, moved or removed, or with bytes changed or cut off."""
    kind = random.randrange(4)
    if kind == 0:
        return random.choice(RAW)
    if kind == 1:
        data = bytearray(text)
        for _ in range(random.choice((1, 1, 5))):
            data[random.randrange(len(data))] = random.randrange(256)
        return bytes(data[: random.choice((len(data), random.randrange(len(data))))])
    value = json.loads(text)
    for _ in range(random.choice((1, 1, 3))):
        value = changed(value, random, remove=kind == 2)
        if not isinstance(value, dict | list):
            break
    return json.dumps(value, ensure_ascii=random.random() < 0.5).encode(errors="replace")


def changed(value: Any, random: Random, *, remove: bool) -> Any:
    place = random.choice(places(value))
    if not place:
        return deepcopy(random.choice(VALUES))
    *parents, last = place
    inner = value
    for key in parents:
        inner = inner[key]
    if remove:
        del inner[last]
    else:
        inner[last] = deepcopy(random.choice(VALUES))
    return value
