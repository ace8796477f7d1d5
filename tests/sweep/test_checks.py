"""Sweeps whose recipes are valid but cannot be compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqlstm.errors import RecipeError
from seqlstm.sweep.checks import check_data
from seqlstm.sweep.plan import read_plan
from tests.sweep.conftest import CELLS, SWEEP, Read

NATS = SWEEP.replace("bits_per_byte", "nats_per_token")
BUDGET = SWEEP.replace(", hidden_size = 8", "").replace("[set]", 'budget = "8k"\n[set]')
TASK = """
recipe = "long-lag"
seeds = [1]
score = "{score}"

[vary]
"data.options.lag" = {lags}
"""


def task(folder: Path, *, score: str = "accuracy", lags: str = "[10, 12]") -> str:
    path = folder / "task.toml"
    path.write_text(TASK.format(score=score, lags=lags), encoding="utf-8")
    return str(path)


def test_nats_per_token_need_the_same_tokens(read: Read, tmp_path: Path) -> None:
    vocabularies = '[vary]\n"tokenizer.vocab_size" = [200, 300]\n'
    with pytest.raises(RecipeError, match=r"others in vocab_size=300 .use bits_per_byte"):
        read(vocabularies, sweep=NATS)
    with pytest.raises(RecipeError, match=r"others in unit=document .use bits_per_byte"):
        read('[vary]\n"data.unit" = ["line", "document"]\n', sweep=NATS)
    assert len(read(vocabularies).combinations) == 2
    for neutral in (
        '"data.batching.batch_size" = [4, 8]',
        '"tokenizer.subword_regularization" = [0.0, 0.1]',
    ):
        assert len(read(f"[vary]\n{neutral}\n", sweep=NATS).combinations) == 2
    with pytest.raises(RecipeError, match=r"others in lag=12 .use accuracy"):
        read_plan(task(tmp_path, score="nats_per_token"), [], tmp_path / "out")
    assert len(read_plan(task(tmp_path), [], tmp_path / "out").combinations) == 2


def test_every_combination_must_have_the_score(read: Read) -> None:
    translator = """
[[variants]]
name = "translator"
[variants.set]
task = "translation"
[variants.set.data]
source = "dates"
text = ""
unit = ""
pair = ["en", "de"]
batching = { kind = "tokens" }
"""
    with pytest.raises(RecipeError, match=r"no bits_per_byte \(in translator\) \(allowed: bleu"):
        read(CELLS + translator)


def test_best_weights_need_validations(read: Read) -> None:
    best = SWEEP.replace("[set]", 'weights = "best"\n[set]')
    with pytest.raises(RecipeError, match=r'weights: no "best" without training.validate_every'):
        read(sweep=best)
    assert read(CELLS, "training.validate_every=2", sweep=best).sweep.weights == "best"


def test_a_name_that_is_too_long_for_a_folder(read: Read) -> None:
    many = ", ".join(f'"{"x" * 30}{number}.txt"' for number in range(7))
    with pytest.raises(RecipeError, match=r"too long .* \(give it a name with a variant\)"):
        read(f'[vary]\n"data.source" = [{{ train = [{many}], validation = "a" }}]\n')


def test_an_embedding_size_of_blocks_under_a_budget(read: Read) -> None:
    blocks = 'name = "blocks"\nset = { model = { cell = { kind = "xlstm", heads = 2 } } }\n'
    lone = BUDGET.replace("embedding_dim = 8", "num_layers = 1")
    (one,) = read(f"[[variants]]\n{blocks}", sweep=lone).combinations
    assert one.recipe.model.embedding_dim == one.recipe.model.hidden_size
    refused = r"model\.embedding_dim: cannot take effect: blocks are as wide .* \(in blocks\)"
    with pytest.raises(RecipeError, match=refused):
        read(f"{CELLS}[[variants]]\n{blocks}", sweep=BUDGET)
    with pytest.raises(RecipeError, match=refused):
        read(f"{CELLS}[[variants]]\n{blocks}", "model.embedding_dim=8", sweep=lone)
    with pytest.raises(RecipeError, match=r"model\.hidden_size: cannot take effect"):
        read(CELLS, "model={hidden_size=9}", sweep=lone)


def test_recipes_that_are_equal_at_the_budget(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(sweep=BUDGET).combinations[0]
    monkeypatch.setattr("seqlstm.sweep.plan.fit", lambda recipe, **_: (first.recipe, 8000))
    with pytest.raises(RecipeError, match="lstm: trains the same recipe as elman"):
        read(sweep=BUDGET)


def test_an_override_of_a_varied_key(read: Read) -> None:
    with pytest.raises(RecipeError, match=r"model\.num_layers: the sweep varies model\.num_layers"):
        read('[vary]\n"model.num_layers" = [1, 2]\n', "model.num_layers=3")


class TestData:
    def test_a_missing_split(self, read: Read) -> None:
        plan = read(sweep=SWEEP.replace('"validation"', '"tset"'))
        with pytest.raises(RecipeError, match=r'split: .* has no split "tset".*"test"'):
            check_data(plan.combinations, where="mine", split="tset", offline=True)
        check_data(plan.combinations, where="mine", split="test", offline=True)

    def test_wrong_options_of_generated_data(self, tmp_path: Path) -> None:
        plan = read_plan(task(tmp_path, lags="[10, 3]"), [], tmp_path / "out")
        refused = r"data\.options: lag must be at least 8, was: 3\. \(in lag=3\)"
        with pytest.raises(RecipeError, match=refused):
            check_data(plan.combinations, where="mine", split="test", offline=True)
        plan = read_plan(task(tmp_path, lags="[10]"), ["data.options.shortest=11"], tmp_path)
        with pytest.raises(RecipeError, match="shortest must be at most 10, was: 11"):
            check_data(plan.combinations, where="mine", split="test")  # wrong only for training

    def test_offline_checks_do_not_read_from_the_hub(
        self, read: Read, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sources = []
        monkeypatch.setattr(
            "seqlstm.sweep.checks.read_split", lambda data, part: sources.append(data.source)
        )
        found = read(CELLS, "data.source=some/where").combinations
        check_data(found, where="mine", split="test", offline=True)
        assert sources == []
        check_data(found, where="mine", split="test")
        assert sources == ["some/where"]
