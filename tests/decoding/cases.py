"""Every constraint, with a plain Python function that checks it; search is tested under each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from seqlstm.decoding.constraints import (
    forbid_phrases,
    forbid_tokens,
    force_prefixes,
    max_length,
    min_length,
    no_repeat_ngram,
)
from seqlstm.decoding.lexical_constraints import LexicalConstraints

BEGIN, END = 0, 1
PREFIXES: list[list[int]] = [[2, 0], [], [3], [2], [3, 3], [0, 2], []]
"""Prefixes of seven sentences; all ids are below 4, so that the smallest vocabulary has them."""
PHRASES: list[list[list[int]]] = [
    *[[[2, 3]], [[0]], [[3, 0], [2]], []],
    *[[[2, 2, 3]], [[2, 3], [3, 0]], [[0, 2, 0], [2, 0, 3]]],
]


@dataclass(frozen=True)
class Case:
    """A constraint: `options(numbers)` are arguments of `beam_search` for the sentences `numbers`.

    `allows(number, ids, ended)`: whether sentence `number` may begin with `ids`, or end after them.
    """

    name: str
    options: Callable[[Sequence[int]], dict[str, Any]]
    allows: Callable[[int, list[int], bool], bool]

    def __str__(self) -> str:
        return self.name


def contains(ids: list[int], phrase: list[int]) -> bool:
    return any(ids[at : at + len(phrase)] == phrase for at in range(len(ids)))


def repeats(ids: list[int], size: int) -> bool:
    windows = [tuple(ids[at : at + size]) for at in range(len(ids) - size + 1)]
    return len(set(windows)) < len(windows)


def begins_with_prefix(number: int, ids: list[int], ended: bool) -> bool:
    prefix = PREFIXES[number]
    return ids[: len(prefix)] == prefix[: len(ids)] and (not ended or len(ids) >= len(prefix))


def contains_phrases(number: int, ids: list[int], ended: bool) -> bool:
    return not ended or all(contains(ids, phrase) for phrase in PHRASES[number])


NEVER = [[2], [3, 0], [0, 3, 3]]
FREE = [
    Case("free", lambda numbers: {}, lambda number, ids, ended: True),
    Case(
        "forbidden",
        lambda numbers: {"constraints": [forbid_tokens([3, 0])]},
        lambda number, ids, ended: not {0, 3} & set(ids),
    ),
    Case(
        "at least",
        lambda numbers: {"constraints": [min_length(2, eos=END)]},
        lambda number, ids, ended: not ended or len(ids) >= 2,
    ),
    Case(
        "at most",
        lambda numbers: {"constraints": [max_length(2, eos=END)]},
        lambda number, ids, ended: len(ids) <= 2,
    ),
    *(
        Case(
            f"no {size} again",
            lambda numbers, size=size: {"constraints": [no_repeat_ngram(size)]},  # type: ignore[misc]
            lambda number, ids, ended, size=size: not repeats(ids, size),  # type: ignore[misc]
        )
        for size in (1, 2, 3)
    ),
    *(
        Case(
            f"without {phrases}",
            lambda numbers, phrases=phrases: {  # type: ignore[misc]
                "constraints": [forbid_phrases(phrases)]
            },
            lambda number, ids, ended, phrases=phrases: (
                not any(  # type: ignore[misc]
                    contains(ids, one) for one in phrases
                )
            ),
        )
        for phrases in ([[2]], [[3, 0]], [[0, 3, 3], [2, 2], [3, 2]])
    ),
    Case(
        "beginning",
        lambda numbers: {"constraints": [force_prefixes([PREFIXES[one] for one in numbers])]},
        begins_with_prefix,
    ),
    Case(
        "beginning, then no 1 again",
        lambda numbers: {
            "constraints": [
                force_prefixes([PREFIXES[one] for one in numbers], then=[no_repeat_ngram(1)])
            ]
        },
        lambda number, ids, ended: (
            begins_with_prefix(number, ids, ended)
            and not set(ids[len(PREFIXES[number]) :]) & set(PREFIXES[number])
            and not repeats(ids[len(PREFIXES[number]) :], 1)
        ),
    ),
    Case(
        "no 2 again, at least 3, without 2 2",
        lambda numbers: {
            "constraints": [no_repeat_ngram(2), min_length(3, eos=END), forbid_phrases([[2, 2]])]
        },
        lambda number, ids, ended: (
            not repeats(ids, 2) and not contains(ids, [2, 2]) and (not ended or len(ids) >= 3)
        ),
    ),
]
"""Constraints that later tokens cannot fulfil or violate."""

REQUIRED = [
    Case(
        "required",
        lambda numbers: {
            "lexical_constraints": LexicalConstraints([PHRASES[one] for one in numbers])
        },
        contains_phrases,
    ),
    Case(
        "required, beginning, without 3 3",
        lambda numbers: {
            "lexical_constraints": LexicalConstraints([PHRASES[one] for one in numbers]),
            "constraints": [
                force_prefixes([PREFIXES[one] for one in numbers], then=[forbid_phrases([[3, 3]])])
            ],
        },
        lambda number, ids, ended: (
            begins_with_prefix(number, ids, ended)
            and contains_phrases(number, ids, ended)
            and not contains(ids[max(0, len(PREFIXES[number]) - 1) :], [3, 3])
        ),
    ),
]
