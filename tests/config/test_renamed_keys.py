"""Recipes with old names: each mistake names the new key or value, and there are no others."""

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
"""Other keys that a key needs."""


def set_key(table: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        table = table.setdefault(parent, {})
    table[last] = value


def mistakes(table: dict[str, Any]) -> list[Mistake]:
    with pytest.raises(RecipeError) as caught:
        parse(table, where="recipe", catalogue=CATALOGUE)
    return list(caught.value.mistakes)


def table_of(task: str) -> dict[str, Any]:
    return read_overrides(TABLES[task], [])


def task_of(key: str) -> str:
    streams = key.startswith("data.layout.") and key.split(".")[-1] in STREAMS
    return "language-model" if streams or "penalties" in key else "translation"


@pytest.mark.parametrize("old", [old for old in RENAMED_KEYS if old != "data.answer"])
def test_an_old_key_is_one_mistake_with_the_new_key(old: str) -> None:
    table = table_of(task_of(old))
    new = RENAMED_KEYS[old]
    expected = [Mistake(old, "renamed", f"now {new}")]
    if old.startswith("data.layout"):
        expected = [Mistake("data.layout", "renamed", "now data.batching"), *expected]
        table["data"]["layout"] = table["data"].pop("batching")
    for key, value in NEEDS.get(old, {}).items():
        set_key(table, key, value)
    if old.startswith("model.readout."):
        expected = [Mistake("model.readout", "renamed", "now model.output"), *expected]
        table["model"]["readout"] = table["model"].pop("output")
    set_key(table, old, VALUES.get(old, 3))
    assert mistakes(table) == list(dict.fromkeys(expected))


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [(key, old, new) for key, names in RENAMED_VALUES.items() for old, new in names.items()],
)
def test_an_old_value_is_one_mistake_with_the_new_value(key: str, old: str, new: str) -> None:
    table = table_of("language-model" if old == "tapes" else "translation")
    set_key(table, key, old)
    if old == "adaptive":
        set_key(table, "model.output.cutoffs", [9])
    if old == "mixture":
        set_key(table, "model.output.num_experts", 2)
    assert mistakes(table) == [Mistake(key, f'"{old}" was renamed', f'now {key} = "{new}"')]


def test_old_keys_and_kinds_in_an_old_table() -> None:
    table = table_of("language-model")
    table["data"]["layout"] = {"kind": "tapes", "rows": 0}
    del table["data"]["batching"]
    assert [str(mistake) for mistake in mistakes(table)] == [
        "data.batching.batch_size: must be greater than 0, was: 0",
        "data.layout: renamed (now data.batching)",
        'data.layout.kind: "tapes" was renamed (now data.batching.kind = "stream")',
        "data.layout.rows: renamed (now data.batching.batch_size)",
    ]


def test_old_keys_in_a_new_table_and_beside_it() -> None:
    overrides = ["data.batching.rows=3", "data.layout.span=5", "model.hidden=4"]
    assert mistakes(read_overrides(TABLES["language-model"], overrides)) == [
        Mistake("data.batching.rows", "renamed", "now data.batching.batch_size"),
        Mistake("data.layout", "renamed", "now data.batching"),
        Mistake("data.layout.span", "renamed", "now data.batching.bptt"),
        Mistake("model.hidden", "renamed", "now model.hidden_size"),
    ]


def test_answers_became_the_task_prompts() -> None:
    table = table_of("language-model")
    table["data"] |= {"answer": "reply", "batching": {"kind": "tokens"}}
    now = 'now data.completion, with task = "prompts" and data.prompt in place of data.text'
    assert mistakes(table) == [Mistake("data.answer", "renamed", now)]
