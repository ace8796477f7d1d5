"""Generated sources that show what a recurrence can and cannot do, each with one right answer.

A row is a text and its answer, one character a symbol and no spaces. The rows of a split follow
from the task's options alone, on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from hashlib import sha256
from random import Random
from string import ascii_letters, digits
from typing import Literal

Row = tuple[str, str]
"""A text and its answer."""

COLUMNS = ("prompt", "completion")
SIZES = {"train": 5_000, "validation": 250, "test": 500}
RECALL_SIZES = SIZES | {"train": 50_000}  # of fewer, a model learns the texts by heart

FIRST = "ABCD"
DISTRACTORS = "abcdefgh"
BITS = "01"

# The Reber grammar: from each node the symbols that may follow, and the node each of them leads to.
REBER: dict[int, tuple[tuple[str, int], ...]] = {
    0: (("B", 1),),
    1: (("T", 2), ("P", 3)),
    2: (("S", 2), ("X", 4)),
    3: (("T", 3), ("V", 5)),
    4: (("X", 3), ("S", 6)),
    5: (("P", 4), ("V", 6)),
    6: (("E", 7),),
}
REBER_END = 7


def long_lag(split: str, *, lag: int = 100, shortest: int | None = None) -> list[Row]:
    """One symbol of four, then distractors drawn at random; the answer is that first symbol.

    After the long-time-lag experiments of Hochreiter & Schmidhuber (1997), with no local regularity
    to help: what decides the answer stands `lag` + 1 steps before it.

    Args:
        split: train, validation or test; no text of one stands in another.
        lag: distractors.
        shortest: train on lags from this one to `lag`; on `lag` alone if there is none.

    Raises:
        ValueError: fewer than 8 distractors, which are too few texts to split, or no such range.
    """
    least = lag if shortest is None or split != "train" else shortest
    at_least(8, lag=lag)
    between(1, lag, shortest=least)

    def draw(random: Random) -> Row:
        first = random.choice(FIRST)
        return first + "".join(random.choices(DISTRACTORS, k=random.randint(least, lag))), first

    return generate_rows(f"long-lag {lag} {least}", split, draw)


def embedded_reber(split: str, *, repeats: int = 1, fewest: int | None = None) -> list[Row]:
    """Strings of the embedded Reber grammar up to their second-last symbol, which is the answer.

    After Hochreiter & Schmidhuber (1997): `BT…TE` or `BP…PE` around a string of the Reber grammar,
    so that the second symbol decides the second-last. The paper has a network predict all symbols
    that may follow at every step, and counts a string when every one of them is among its highest
    outputs; here only the symbol that needs memory is asked, and the E after it.

    Args:
        split: train, validation or test; no text of one stands in another.
        repeats: how many strings of the Reber grammar stand in between, one after the other: the
            paper has one, eight symbols on average, of which there are so few that 500 test rows
            hold 49 different texts; more are a longer lag.
        fewest: train on this many to `repeats`; on `repeats` alone if there is none.

    Raises:
        ValueError: none of them, or no such range.
    """
    least = repeats if fewest is None or split != "train" else fewest
    at_least(1, repeats=repeats)
    between(1, repeats, fewest=least)

    def draw(random: Random) -> Row:
        outer = random.choice("TP")
        inner = "".join(reber(random) for _ in range(random.randint(least, repeats)))
        return f"B{outer}{inner}", f"{outer}E"

    return generate_rows(f"embedded-reber {repeats} {least}", split, draw)


def reber(random: Random) -> str:
    """One string of the Reber grammar (Reber, 1967), each branch as likely as the other."""
    node, said = 0, ""
    while node != REBER_END:
        symbol, node = random.choice(REBER[node])
        said += symbol
    return said


def counting(
    split: str,
    *,
    language: Literal["ab", "abc"] = "ab",
    longest: int = 40,
    test_longest: int = 100,
) -> list[Row]:
    """Strings aⁿbⁿ or aⁿbⁿcⁿ up to the first b, from where everything is determined: the answer.

    After Gers & Schmidhuber (2001), who ask for every symbol that may follow at every step.

    Args:
        split: train and validation hold every n from 1 to `longest`, test to `test_longest`: a
            string follows from its n, so that none can be new but by being longer.
        language: aⁿbⁿ, or aⁿbⁿcⁿ, which no context-free grammar writes.
        longest: the largest n of training.
        test_longest: the largest n of the test.

    Raises:
        ValueError: no n at all.
    """
    at_least(1, longest=longest, test_longest=test_longest)
    numbers = range(1, (test_longest if split == "test" else longest) + 1)
    return [("a" * n + "b", "b" * (n - 1) + "c" * n * (language == "abc")) for n in numbers]


def parity(split: str, *, longest: int = 40, test_longest: int = 200) -> list[Row]:
    """Random bits up to a "=", and whether the number of ones is odd: "1" or "0".

    It takes a state that flips, however long the text is: a linear recurrence whose factors are
    between 0 and 1 has none (Sarrof, Veitsman & Hahn, 2024).

    Args:
        split: train has from 1 to `longest` bits, and as many texts of 1 to 2 as of 2 to 4 and of
            4 to 8, since who cannot do the short ones learns nothing from the long; test has more
            bits, up to `test_longest`; validation too, up to twice `longest`.
        longest: bits of a training text.
        test_longest: bits of a test text.

    Raises:
        ValueError: fewer than 12 bits, or a test no longer than training.
    """
    at_least(12, longest=longest)
    at_least(longest + 1, test_longest=test_longest)
    ranges = {"train": (1, longest), "validation": (longest + 1, 2 * longest)}
    least, most = ranges.get(split, (longest + 1, test_longest))

    def draw(random: Random) -> Row:
        if split == "train":
            length = int(math.exp(random.uniform(0.0, math.log(longest + 1))))
        else:
            length = random.randint(least, most)
        bits = "".join(random.choices(BITS, k=length))
        return f"{bits}=", BITS[bits.count("1") % 2]

    return generate_rows(f"parity {least} {most}", split, draw, by_text=False)


def recall(
    split: str, *, pairs: int = 16, fewest: int | None = None, test_pairs: int | None = None
) -> list[Row]:
    """Pairs of a letter and a digit, then one of the letters: the answer is its digit.

    Associative recall (Ba et al., 2016; Arora et al., 2024, with many queries): it tells memories
    by how much they hold. No letter stands in two pairs.

    Args:
        split: train, validation or test; no text of one stands in another.
        pairs: of a training text.
        fewest: train on texts of this many pairs to `pairs`; on `pairs` alone if there is none.
        test_pairs: of a validation or test text; `pairs` if there is none.

    Raises:
        ValueError: fewer than 2 pairs, which are too few texts to split, or more than 52.
    """
    most = pairs if split == "train" or test_pairs is None else test_pairs
    least = pairs if fewest is None else fewest
    least = least if split == "train" else most
    between(2, len(ascii_letters), pairs=pairs, test_pairs=most)
    between(1, most, fewest=least)

    def draw(random: Random) -> Row:
        keys = random.sample(ascii_letters, random.randint(least, most))
        values = random.choices(digits, k=len(keys))
        asked = random.randrange(len(keys))
        written = "".join(map("".join, zip(keys, values, strict=True)))
        return written + keys[asked], values[asked]

    return generate_rows(f"recall {least} {most}", split, draw, size=RECALL_SIZES[split])


SYNTHETIC_TASKS: dict[str, Callable[..., list[Row]]] = {
    "long-lag": long_lag,
    "embedded-reber": embedded_reber,
    "counting": counting,
    "parity": parity,
    "recall": recall,
}
"""By the name of the source; the options of `data.options` are the function's keywords."""


def generate_rows(
    name: str,
    split: str,
    draw: Callable[[Random], Row],
    *,
    size: int | None = None,
    by_text: bool = True,
) -> list[Row]:
    """The rows of a split, drawn from a seed of their own.

    Args:
        name: of the task with its options; the seed follows from it and the split.
        split: train, validation or test.
        draw: one row.
        size: how many; `SIZES` says it if this does not.
        by_text: take only rows whose text belongs to the split, so that no other split has them.
    """
    random = Random(f"{name} {split}")
    rows: list[Row] = []
    while len(rows) < (size or SIZES[split]):
        row = draw(random)
        if not by_text or split_of(row[0]) == split:
            rows.append(row)
    return rows


def split_of(text: str) -> str:
    """The one split in which a text may stand."""
    percentile = int.from_bytes(sha256(text.encode()).digest()[:8], "big") % 100
    return "train" if percentile < 85 else "validation" if percentile < 90 else "test"


def at_least(least: int, **options: int) -> None:
    for name, value in options.items():
        if value < least:
            raise ValueError(f"{name} must be at least {least}, was: {value}")


def between(least: int, most: int, **options: int) -> None:
    at_least(least, **options)
    for name, value in options.items():
        if value > most:
            raise ValueError(f"{name} must be at most {most}, was: {value}")
