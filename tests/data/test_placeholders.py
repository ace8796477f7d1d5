"""Placeholders in training pairs: by seed and row alone, in the stated share."""

from __future__ import annotations

from seqlstm.data.placeholders import insert_placeholders
from seqlstm.text.placeholders import SYMBOL

PAIRS = [(f"{number} boats, row {number + 1}", f"{number} Boote") for number in range(1000)]
PLAIN = [("no number", "keine Zahl")] * 100


def test_a_pair_depends_on_the_seed_and_its_row_alone() -> None:
    whole, count = insert_placeholders(PAIRS, share=0.5, seed=3)
    assert insert_placeholders(PAIRS, share=0.5, seed=3) == (whole, count)
    assert insert_placeholders(PAIRS[:100], share=0.5, seed=3)[0] == whole[:100]
    others = [("x", "y")] * 50
    assert insert_placeholders([*others, *PAIRS[50:]], share=0.5, seed=3)[0][50:] == whole[50:]
    assert insert_placeholders(PAIRS, share=0.5, seed=4)[0] != whole


def test_the_share_is_that_of_pairs_with_strings() -> None:
    pairs, count = insert_placeholders([*PAIRS, *PLAIN], share=0.5, seed=1)
    assert count == sum(bool(SYMBOL.search(source)) for source, _ in pairs)
    # Five standard deviations of a binomial variable: 5 sqrt(1000 / 4) = 79.
    assert abs(count - 500) < 79
    assert pairs[1000:] == PLAIN
    assert insert_placeholders(PAIRS, share=1.0, seed=1)[1] == 1000
    assert insert_placeholders(PAIRS, share=0.0, seed=1) == (PAIRS, 0)


def test_only_the_strings_of_both_sides_are_replaced() -> None:
    (source, target), *_ = insert_placeholders(PAIRS[:1], share=1.0, seed=1)[0]
    assert source == SYMBOL.findall(source)[0] + " boats, row 1"
    assert target == SYMBOL.findall(source)[0] + " Boote"
