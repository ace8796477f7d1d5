"""Synthetic tasks: the correct completion of every row, and disjoint splits."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from seqlstm.data.builtin.synthetic_tasks import (
    REBER,
    REBER_END,
    RECALL_SIZES,
    SIZES,
    SYNTHETIC_TASKS,
    counting,
    embedded_reber,
    long_lag,
    parity,
    recall,
)
from seqlstm.data.sources.read import read
from seqlstm.errors import DataError

DRAWN = [task for task in SYNTHETIC_TASKS if task != "counting"]


def is_reber(text: str) -> bool:
    """Whether the grammar generates exactly this string."""
    node = 0
    for symbol in text:
        node = dict(REBER[node]).get(symbol, -1) if node in REBER else -1
    return node == REBER_END


@pytest.mark.parametrize("name", SYNTHETIC_TASKS)
def test_a_split_is_always_the_same(name: str) -> None:
    for split in SIZES:
        assert SYNTHETIC_TASKS[name](split) == SYNTHETIC_TASKS[name](split)


@pytest.mark.parametrize("name", DRAWN)
def test_splits_have_their_sizes_and_share_no_text(name: str) -> None:
    texts = {split: [text for text, _ in SYNTHETIC_TASKS[name](split)] for split in SIZES}
    sizes = RECALL_SIZES if name == "recall" else SIZES
    assert {split: len(rows) for split, rows in texts.items()} == sizes
    sets = [set(rows) for rows in texts.values()]
    assert sum(map(len, sets)) == len(set().union(*sets))


@pytest.mark.parametrize("name", DRAWN)
def test_no_completion_is_much_more_frequent_than_another(name: str) -> None:
    counts = Counter(answer for _, answer in SYNTHETIC_TASKS[name]("train"))
    assert max(counts.values()) < 1.25 * min(counts.values())
    assert len(counts) == {"long-lag": 4, "embedded-reber": 2, "parity": 2, "recall": 10}[name]


@pytest.mark.parametrize("lag", [8, 30])
def test_the_first_symbol_is_the_completion_after_the_lag(lag: int) -> None:
    for text, answer in long_lag("test", lag=lag):
        assert re.fullmatch(rf"[ABCD][a-h]{{{lag}}}", text)
        assert answer == text[0]


def test_mixed_lags_are_for_training_alone() -> None:
    lags = {len(text) - 1 for text, _ in long_lag("train", lag=12, shortest=3)}
    assert lags == set(range(3, 13))
    for split in ("validation", "test"):
        assert {len(text) - 1 for text, _ in long_lag(split, lag=12, shortest=3)} == {12}


@pytest.mark.parametrize(
    ("text", "belongs"),
    [
        ("BTXSE", True),
        ("BPVVE", True),
        ("BTSSXXTVPSE", True),
        ("BTXXVPXVVE", True),
        ("BTXSEE", False),
        ("BTXS", False),
        ("BXSE", False),
        ("", False),
    ],
)
def test_the_grammar_by_hand(text: str, belongs: bool) -> None:
    assert is_reber(text) == belongs


@pytest.mark.parametrize("repeats", [1, 3])
def test_the_embedded_grammar_ends_as_it_began(repeats: int) -> None:
    for text, answer in embedded_reber("test", repeats=repeats):
        assert text[0] == "B"
        assert answer == text[1] + "E"
        inner = re.findall("B[^BE]*E", text[2:])
        assert "".join(inner) == text[2:]
        assert len(inner) == repeats
        assert all(map(is_reber, inner))


def test_mixed_repeats_are_for_training_alone() -> None:
    for split, counts in (("train", {1, 2, 3}), ("test", {3})):
        rows = embedded_reber(split, repeats=3, fewest=1)
        assert {len(re.findall("B[^BE]*E", text[2:])) for text, _ in rows} == counts


@pytest.mark.parametrize(
    ("language", "three"), [("ab", ("aaab", "bb")), ("abc", ("aaab", "bbccc"))]
)
def test_counting_by_hand(language: str, three: tuple[str, str]) -> None:
    options = {"language": language, "longest": 4, "test_longest": 6}
    assert counting("train", **options)[2] == three  # type: ignore[arg-type]
    assert [len(counting(split, **options)) for split in SIZES] == [4, 4, 6]  # type: ignore[arg-type]
    first = {"ab": ("ab", ""), "abc": ("ab", "c")}
    assert counting("test", **options)[0] == first[language]  # type: ignore[arg-type]


def test_parity_is_tested_on_longer_prompts_than_in_training() -> None:
    for split, least, most in (("train", 1, 20), ("validation", 21, 40), ("test", 21, 60)):
        rows = parity(split, longest=20, test_longest=60)
        assert {len(text) - 1 for text, _ in rows} == set(range(least, most + 1))
        for text, answer in rows:
            assert text[-1] == "="
            assert int(answer) == sum(map(int, text[:-1])) % 2


def test_recall_queries_one_of_its_pairs() -> None:
    for split, counts in (("train", {3, 4, 5}), ("test", {9})):
        rows = recall(split, pairs=5, fewest=3, test_pairs=9)
        assert {len(text) // 2 for text, _ in rows} == counts
        for text, answer in rows:
            keys, values = text[:-1:2], text[1::2]
            assert len(set(keys)) == len(keys)
            assert dict(zip(keys, values, strict=True))[text[-1]] == answer


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("long-lag", {"lagg": 3}, 'no option "lagg"; did you mean "lag"'),
        ("long-lag", {"lag": "far"}, "long-lag's lag must be a valid integer, was: far"),
        ("long-lag", {"lag": 7}, "lag must be at least 8, was: 7"),
        ("long-lag", {"lag": 9, "shortest": 10}, "shortest must be at most 9, was: 10"),
        ("embedded-reber", {"repeats": 0}, "repeats must be at least 1"),
        ("counting", {"language": "abcd"}, "counting's language must be 'ab' or 'abc'"),
        ("counting", {"longest": 0}, "longest must be at least 1"),
        ("parity", {"longest": 50, "test_longest": 50}, "test_longest must be at least 51"),
        ("recall", {"pairs": 53}, "pairs must be at most 52"),
        ("recall", {"pairs": 4, "fewest": 5}, "fewest must be at most 4"),
    ],
)
def test_invalid_options(name: str, options: dict[str, object], problem: str) -> None:
    with pytest.raises(DataError) as caught:
        read(name, split="train", pair=["prompt", "completion"], options=options)
    assert problem in caught.value.message


def test_a_task_is_read_as_prompts_and_completions() -> None:
    corpus = read(
        "recall", split="validation+test", pair=["prompt", "completion"], options={"pairs": 4}
    )
    assert corpus.pairs == [*recall("validation", pairs=4), *recall("test", pairs=4)]
    for columns in ({"text": "text"}, {"pair": ["text", "reply"]}, {}):
        with pytest.raises(DataError, match="prompts and completions") as caught:
            read("recall", split="test", **columns)
        assert 'completion = "completion"' in str(caught.value.hint)
    with pytest.raises(DataError, match=r'data\.name = "x" means nothing for "recall"'):
        read("recall", split="test", pair=["prompt", "completion"], name="x")


def test_options_are_for_tasks_alone() -> None:
    with pytest.raises(DataError, match=r"data\.options mean nothing for dates"):
        read("dates", split="test", options={"lag": 3})
