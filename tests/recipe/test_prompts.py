"""Runs on prompts and completions, from the recipe to evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqlstm.config import Recipe, parse
from seqlstm.data.builtin.synthetic_tasks import SIZES, counting
from seqlstm.errors import DataError
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.recipe.corpus import read_corpus
from seqlstm.recipe.evaluate import evaluate
from seqlstm.recipe.load import load
from seqlstm.recipe.preview import preview
from seqlstm.recipe.read import CATALOGUE, read_recipe
from seqlstm.recipe.splits import read_split
from seqlstm.recipe.tasks.prompts import PromptsTask
from seqlstm.recipe.train import start
from tests.runs import write_table

TASKS = {
    "counting": "data.options={longest=6, test_longest=8}",
    "long-lag": "data.options={lag=8}",
    "parity": "data.options={longest=12, test_longest=20}",
    "recall": "data.options={pairs=2}",
    "reber": "data.options={repeats=1}",
}
FEW = ("training.steps=3", "model.hidden_size=8", "model.embedding_dim=8", "device=cpu")


def small(name: str, *overrides: str) -> Recipe:
    return read_recipe(name, [TASKS[name], *FEW, *overrides])


@pytest.mark.parametrize("name", TASKS)
def test_every_task_trains_and_is_evaluated(name: str, tmp_path: Path) -> None:
    recipe = small(name, "training.validate_every=2", "training.metric=accuracy")
    reports = list(start(recipe, tmp_path / "run").run())
    validations = [report.values for report in reports if report.kind == "validation"]
    assert [set(values) for values in validations] == [{"loss", "accuracy"}] * 2
    values = evaluate(tmp_path / "run", weights="last", split="test").values
    assert list(values) == ["accuracy", "nats_per_token", "rows", "tokens", "signature"]
    assert values["rows"] == (8 if name == "counting" else SIZES["test"])
    again = evaluate(tmp_path / "run", weights="last", split="validation").values
    assert again["nats_per_token"] == pytest.approx(validations[-1]["loss"], rel=1e-5)
    assert again["accuracy"] == validations[-1]["accuracy"]


def test_it_generates_the_completions_that_it_learned(tmp_path: Path) -> None:
    """Greedy generation from a prompt is the completion, and ends with it."""
    recipe = small("counting", "training.steps=250", "model.hidden_size=16", "seed=2")
    list(start(recipe, tmp_path / "run").run())
    assert evaluate(tmp_path / "run", weights="last", split="train").values["accuracy"] == 1.0
    loaded = load(tmp_path / "run", weights="last", device="cpu")
    assert isinstance(loaded, LoadedLanguageModel)
    for prompt, completion in counting("train", longest=6):
        assert loaded.generate(prompt, max_new_tokens=20, temperature=0.0) == completion


def prompts_of(folder: Path, rows: list[tuple[str, ...]], **data: object) -> Recipe:
    path = write_table(folder / "train.jsonl", ("question", "nested.reply"), rows)
    table = {
        "task": "prompts",
        "data": {
            "source": {"train": str(path), "test": str(path)},
            "prompt": "question",
            "completion": "nested.reply",
            "batching": {"kind": "tokens"},
            **data,
        },
        "tokenizer": {"model_type": "char", "vocab_size": 300},
        "training": {"steps": 1},
    }
    return parse(table, where="recipe", catalogue=CATALOGUE)


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


ROWS: list[tuple[str, ...]] = [("one and two", "three"), ("end", ""), ("one and two", "three")]


def test_columns_can_have_any_names(tmp_path: Path) -> None:
    recipe = prompts_of(tmp_path, ROWS)
    assert read_split(recipe.data, "train").pairs == ROWS
    corpora = read_corpus(recipe)
    assert corpora.train.pairs == ROWS
    assert corpora.warnings == ["3 training rows also stand in test"]


def test_long_rows_and_duplicates_are_left_out(
    tmp_path: Path,
) -> None:
    recipe = prompts_of(tmp_path, ROWS, max_length=16, drop_duplicates=True)
    corpora = read_corpus(recipe)
    assert corpora.train.pairs == ROWS[:2]
    assert "kept 2 of 3 pairs (1 duplicates)" in corpora.report[0]
    shorter = prompts_of(tmp_path, ROWS, max_length=15)
    train = read_split(shorter.data, "train")
    corpus, _, line = PromptsTask().clean(shorter, train, corpora.tokenizers, written=train)
    assert corpus.pairs == ROWS[1:2]
    assert "2 too long" in line
    none = prompts_of(tmp_path, ROWS, max_length=2)
    with pytest.raises(DataError, match="kept 0 of 3"):
        PromptsTask().clean(none, train, corpora.tokenizers, written=train)


def test_a_preview_counts_the_tokens_of_completions() -> None:
    overrides = ["data.options={longest=3, test_longest=3}"]
    assert preview("counting", overrides).tokens == 1 + 2 + 3
