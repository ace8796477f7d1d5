"""Placeholders in training pairs, so that a translator learns to copy them."""

from __future__ import annotations

import random
from collections.abc import Sequence

from seqlstm.data.batching.base import mix_seeds
from seqlstm.data.cleaning import Pair
from seqlstm.text.placeholders import protect_pair


def insert_placeholders(
    pairs: Sequence[Pair], *, share: float, seed: int
) -> tuple[list[Pair], int]:
    """Pairs with numbered symbols, in a share of those that have strings to protect.

    What becomes of a pair depends on the seed and its row alone.

    Args:
        pairs: source and target of each row.
        share: the probability of a pair.
        seed: of the choice and the numbers.

    Returns:
        All pairs, in order, and how many of them have symbols.
    """
    inserted, count = list(pairs), 0
    for row, (source, target) in enumerate(pairs):
        generator = random.Random(mix_seeds(seed, row))
        if generator.random() < share and (pair := protect_pair(source, target, generator)):
            inserted[row] = pair
            count += 1
    return inserted, count
