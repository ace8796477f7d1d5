"""Synthetic tasks that probe recurrent networks: long lags, grammars, counting, parity, recall.

A row is a prompt and its only correct completion; every symbol is one character, and there are no
spaces. The rows of a split depend only on the task's options, and are the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from string import ascii_letters, digits
from typing import Literal

from seqlstm.data.builtin.hash_split import hash_split

Row = tuple[str, str]
"""A prompt and its completion."""

COLUMNS = ("prompt", "completion")
SIZES = {"train": 5_000, "validation": 250, "test": 500}
MAX_SIZE = 2000
"""The largest value of an option: rows are about as long, and all of them are generated."""
RECALL_SIZES = SIZES | {"train": 50_000}  # with fewer rows, a model memorizes the prompts

FIRST = "ABCD"
DISTRACTORS = "abcdefgh"
BITS = "01"

# The Reber grammar: for each node, the possible next symbols with the node that follows.
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
    """Long time lags: one symbol of four, then random distractors; the completion is that symbol.

    After the experiments of Hochreiter & Schmidhuber (1997), without local regularities: the
    deciding symbol is `lag` + 1 steps before the completion.

    Args:
        split: train, validation or test; they share no prompt.
        lag: number of distractors.
        shortest: the smallest lag of a training prompt; by default, `lag`.

    Raises:
        ValueError: fewer than 8 distractors, which are too few prompts to split, or an empty range.
    """
    min_lag = lag if shortest is None or split != "train" else shortest
    at_least(8, lag=lag)
    between(1, lag, shortest=min_lag)

    def sample(random: Random) -> Row:
        first = random.choice(FIRST)
        return first + "".join(random.choices(DISTRACTORS, k=random.randint(min_lag, lag))), first

    return generate_rows(f"long-lag {lag} {min_lag}", split, sample)


def embedded_reber(split: str, *, repeats: int = 1, fewest: int | None = None) -> list[Row]:
    """Embedded Reber grammar: strings up to the second-last symbol; the completion is the rest.

    After Hochreiter & Schmidhuber (1997): `BT…TE` or `BP…PE` around a string of the Reber grammar,
    so that the second symbol decides the second-last. In the paper a network predicts all possible
    next symbols at every step, and a string is correct if all of them are among its highest
    outputs. Here only the symbol that needs memory is predicted, and the E after it.

    Args:
        split: train, validation or test; they share no prompt.
        repeats: number of consecutive Reber strings inside. The paper has one, of eight symbols on
            average, but then 500 test rows have only 49 different prompts. More strings make the
            lag longer.
        fewest: the smallest number of strings in a training prompt; by default, `repeats`.

    Raises:
        ValueError: `repeats` below 1, or an empty range.
    """
    min_repeats = repeats if fewest is None or split != "train" else fewest
    at_least(1, repeats=repeats)
    between(1, repeats, fewest=min_repeats)

    def sample(random: Random) -> Row:
        outer = random.choice("TP")
        inner = "".join(reber(random) for _ in range(random.randint(min_repeats, repeats)))
        return f"B{outer}{inner}", f"{outer}E"

    return generate_rows(f"embedded-reber {repeats} {min_repeats}", split, sample)


def reber(random: Random) -> str:
    """A random string of the Reber grammar (Reber, 1967), with equally likely branches."""
    node, string = 0, ""
    while node != REBER_END:
        symbol, node = random.choice(REBER[node])
        string += symbol
    return string


def counting(
    split: str,
    *,
    language: Literal["ab", "abc"] = "ab",
    longest: int = 40,
    test_longest: int = 100,
) -> list[Row]:
    """Counting: strings aⁿbⁿ or aⁿbⁿcⁿ up to the first b; the completion is the determined rest.

    After Gers & Schmidhuber (2001), who predict all possible next symbols at every step.

    Args:
        split: train and validation have every n from 1 to `longest`, test from 1 to
            `test_longest`. Each n has only one string, so test strings that are not in train are
            longer.
        language: aⁿbⁿ, or aⁿbⁿcⁿ, which is not context-free.
        longest: the largest n of training.
        test_longest: the largest n of the test.

    Raises:
        ValueError: a largest n below 1.
    """
    at_least(1, longest=longest, test_longest=test_longest)
    numbers = range(1, (test_longest if split == "test" else longest) + 1)
    return [("a" * n + "b", "b" * (n - 1) + "c" * n * (language == "abc")) for n in numbers]


def parity(split: str, *, longest: int = 40, test_longest: int = 200) -> list[Row]:
    """Parity: random bits and a "="; the completion is "1" if the number of ones is odd, else "0".

    The state must flip at every one, at any length; a linear recurrence with factors between 0 and
    1 cannot (Sarrof, Veitsman & Hahn, 2024).

    Args:
        split: train has 1 to `longest` bits, with log-uniform lengths, because a model must learn
            short prompts before long ones. Validation and test have more bits: up to twice
            `longest`, and up to `test_longest`.
        longest: maximum bits of a training prompt.
        test_longest: maximum bits of a test prompt.

    Raises:
        ValueError: `longest` below 12, or `test_longest` not above it.
    """
    at_least(12, longest=longest)
    at_least(longest + 1, test_longest=test_longest)
    ranges = {"train": (1, longest), "validation": (longest + 1, 2 * longest)}
    min_bits, max_bits = ranges.get(split, (longest + 1, test_longest))

    def sample(random: Random) -> Row:
        if split == "train":
            length = int(math.exp(random.uniform(0.0, math.log(longest + 1))))
        else:
            length = random.randint(min_bits, max_bits)
        bits = "".join(random.choices(BITS, k=length))
        return f"{bits}=", BITS[bits.count("1") % 2]

    return generate_rows(f"parity {min_bits} {max_bits}", split, sample, disjoint=False)


def recall(
    split: str, *, pairs: int = 16, fewest: int | None = None, test_pairs: int | None = None
) -> list[Row]:
    """Associative recall: pairs of letter and digit, then a letter; the completion is its digit.

    After Ba et al. (2016) and, with many queries, Arora et al. (2024). It measures the capacity of
    a memory. All letters of a prompt are different.

    Args:
        split: train, validation or test; they share no prompt.
        pairs: maximum pairs of a training prompt.
        fewest: minimum pairs of a training prompt; by default, `pairs`.
        test_pairs: pairs of a validation or test prompt; by default, `pairs`.

    Raises:
        ValueError: fewer than 2 pairs, which are too few prompts to split, or more than 52.
    """
    max_pairs = pairs if split == "train" or test_pairs is None else test_pairs
    min_pairs = pairs if fewest is None else fewest
    min_pairs = min_pairs if split == "train" else max_pairs
    between(2, len(ascii_letters), pairs=pairs, test_pairs=max_pairs)
    between(1, max_pairs, fewest=min_pairs)

    def sample(random: Random) -> Row:
        keys = random.sample(ascii_letters, random.randint(min_pairs, max_pairs))
        values = random.choices(digits, k=len(keys))
        query = random.randrange(len(keys))
        memory = "".join(map("".join, zip(keys, values, strict=True)))
        return memory + keys[query], values[query]

    return generate_rows(f"recall {min_pairs} {max_pairs}", split, sample, size=RECALL_SIZES[split])


SYNTHETIC_TASKS: dict[str, Callable[..., list[Row]]] = {
    "long-lag": long_lag,
    "embedded-reber": embedded_reber,
    "counting": counting,
    "parity": parity,
    "recall": recall,
}
"""The tasks by source name; the keys of `data.options` are the function's keywords."""


def generate_rows(
    name: str,
    split: str,
    sample: Callable[[Random], Row],
    *,
    size: int | None = None,
    disjoint: bool = True,
) -> list[Row]:
    """Random rows of a split.

    Args:
        name: of the task with its options; name and split determine the seed.
        split: train, validation or test.
        sample: returns a random row.
        size: number of rows; by default, that of `SIZES`.
        disjoint: keep only rows whose prompt belongs to this split by its hash, so that no prompt
            is in two splits.
    """
    random = Random(f"{name} {split}")
    rows: list[Row] = []
    while len(rows) < (size or SIZES[split]):
        row = sample(random)
        if not disjoint or hash_split(row[0]) == split:
            rows.append(row)
    return rows


def at_least(minimum: int, **options: int) -> None:
    """Check that options are in [minimum, `MAX_SIZE`].

    Raises:
        ValueError: one is not.
    """
    for name, value in options.items():
        if value < minimum:
            raise ValueError(f"{name} must be at least {minimum}, was: {value}")
        if value > MAX_SIZE:
            raise ValueError(f"{name} must be at most {MAX_SIZE:,}, was: {value:,}")


def between(minimum: int, maximum: int, **options: int) -> None:
    at_least(minimum, **options)
    for name, value in options.items():
        if value > maximum:
            raise ValueError(f"{name} must be at most {maximum}, was: {value}")
