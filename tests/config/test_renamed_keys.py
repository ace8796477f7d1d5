"""Recipes of older names: each mistake names today's key or value, and brings no other with it."""

from __future__ import annotations

from typing import Any

import pytest

from seqlstm.config import parse, read_overrides
from seqlstm.config.renamed import RENAMED_KEYS, RENAMED_VALUES
from seqlstm.errors import Mistake, RecipeError
from tests.config.cases import CATALOGUE, TABLES

VALUES: dict[str, Any] = {
    "data.layout": {"kind": "tokens"},
    "data.ratio": 2.0,
    "data.layout.spread": 2.0,
    "data.layout.resets": True,
    "data.layout.afresh": 0.5,
    "tokenizer.kind": "bpe",
    "tokenizer.sampling": 0.1,
    "tokenizer.normalisation": "nfkc",
    "tokenizer.closed": False,
    "model.tied": False,
    "model.engine": "auto",
    "model.readout": {"kind": "softmax"},
    "model.dropout.between": 0.1,
    "model.dropout.recurrent": 0.1,
    "training.optimizer.rate": 0.1,
    "training.schedule.floor": 0.1,
    "training.clip": 0.5,
    "training.penalties": {"activation": 1.0},
    "training.average": {"kind": "exponential"},
    "training.best_by": "loss",
    "decoding.width": 3,
}
"""Values that the keys take; 3 for the others."""

STREAMS = {*("rows", "span", "spread", "resets", "afresh")}
NEEDS = {
    "model.readout.experts": {"model.output.kind": "mixture-of-softmaxes"},
    "training.schedule.warmup": {"training.schedule.kind": "linear"},
    "training.schedule.floor": {"training.schedule.kind": "linear"},
    "training.optimizer.rate": {"training.optimizer.kind": "adam"},
}
"""What else stands in the recipe, where a key needs it."""


def put(table: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        table = table.setdefault(parent, {})
    table[last] = value


def mistakes(table: dict[str, Any]) -> list[Mistake]:
    with pytest.raises(RecipeError) as caught:
        parse(table, where="recipe", catalogue=CATALOGUE)
    return list(caught.value.mistakes)


def of_task(task: str) -> dict[str, Any]:
    return read_overrides(TABLES[task], [])


def task_of(key: str) -> str:
    streams = key.startswith("data.layout.") and key.split(".")[-1] in STREAMS
    return "language-model" if streams or "penalties" in key else "translation"


@pytest.mark.parametrize("old", [old for old in RENAMED_KEYS if old != "data.answer"])
def test_an_old_key_names_the_new_one_and_nothing_else(old: str) -> None:
    table = of_task(task_of(old))
    new = RENAMED_KEYS[old]
    expected = [Mistake(old, "renamed", f"now {new}")]
    if old.startswith("data.layout"):
        expected = [Mistake("data.layout", "renamed", "now data.batching"), *expected]
        table["data"]["layout"] = table["data"].pop("batching")
    for key, value in NEEDS.get(old, {}).items():
        put(table, key, value)
    if old.startswith("model.readout."):
        expected = [Mistake("model.readout", "renamed", "now model.output"), *expected]
        table["model"]["readout"] = table["model"].pop("output")
    put(table, old, VALUES.get(old, 3))
    assert mistakes(table) == list(dict.fromkeys(expected))


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [(key, old, new) for key, names in RENAMED_VALUES.items() for old, new in names.items()],
)
def test_an_old_value_names_the_new_one_and_nothing_else(key: str, old: str, new: str) -> None:
    table = of_task("language-model" if old == "tapes" else "translation")
    put(table, key, old)
    if old == "adaptive":
        put(table, "model.output.cutoffs", [9])
    if old == "mixture":
        put(table, "model.output.num_experts", 2)
    assert mistakes(table) == [Mistake(key, f'"{old}" was renamed', f'now {key} = "{new}"')]


def test_old_keys_and_kinds_inside_of_each_other() -> None:
    table = of_task("language-model")
    table["data"]["layout"] = {"kind": "tapes", "rows": 0}
    del table["data"]["batching"]
    assert [str(mistake) for mistake in mistakes(table)] == [
        "data.batching.batch_size: must be greater than 0, was: 0",
        "data.layout: renamed (now data.batching)",
        'data.layout.kind: "tapes" was renamed (now data.batching.kind = "stream")',
        "data.layout.rows: renamed (now data.batching.batch_size)",
    ]


def test_an_old_key_under_the_new_name_of_its_table_and_beside_it() -> None:
    overrides = ["data.batching.rows=3", "data.layout.span=5", "model.hidden=4"]
    assert mistakes(read_overrides(TABLES["language-model"], overrides)) == [
        Mistake("data.batching.rows", "renamed", "now data.batching.batch_size"),
        Mistake("data.layout", "renamed", "now data.batching"),
        Mistake("data.layout.span", "renamed", "now data.batching.bptt"),
        Mistake("model.hidden", "renamed", "now model.hidden_size"),
    ]


def test_answers_are_a_task_of_their_own_now() -> None:
    table = of_task("language-model")
    table["data"] |= {"answer": "reply", "batching": {"kind": "tokens"}}
    now = 'now data.completion, with task = "prompts" and data.prompt in place of data.text'
    assert mistakes(table) == [Mistake("data.answer", "renamed", now)]
