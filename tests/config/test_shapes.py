"""Recipes and overrides of a wrong shape: each mistake has its line, whatever the value is."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqlstm.config import parse, read_overrides, read_table
from seqlstm.errors import RecipeError
from seqlstm.recipe.read import read_recipe
from seqlstm.sweep.schema import parse_sweep
from tests.config.cases import CATALOGUE, TABLES, mistakes, recipe

QUOTED = [
    ("model.cell={kind=[]}", "model.cell", "no cell of kind"),
    ("model.cell={kind={}}", "model.cell", "no cell of kind"),
    ("model.cell=[]", "model.cell", "valid dictionary"),
    ("model.output={kind=[]}", "model.output.kind", "must be one of"),
    ("model.layers={}", "model.num_layers", "valid integer"),
    ("model.num_layers={}", "model.num_layers", "valid integer"),
    ("training.best_by=[]", "training.metric", "must be one of"),
    ("training.metric=[]", "training.metric", "must be one of"),
    ("training.metric={}", "training.metric", "must be one of"),
    ("task=[]", "task", "valid string"),
    ("data.batching={kind=[]}", "data.batching.kind", "must be one of"),
    ("data.batching=[{kind='tokens'}]", "data.batching", "must be"),
    ("model=[{}]", "model", "must be"),
    ("training=[[]]", "training", "must be"),
    ("seed=2024-05-01", "seed", "valid integer, was: 2024-05-01"),
    ("seed=12:30:00", "seed", "valid integer, was: 12:30:00"),
    ("data.source={train=1}", "data.source.train", "valid string"),
    ("data.pair=[1,2]", "data.pair", "valid string"),
]


@pytest.mark.parametrize(("override", "key", "problem"), QUOTED)
def test_a_value_of_a_wrong_shape_has_its_line(override: str, key: str, problem: str) -> None:
    found = [one for one in mistakes("translation", override) if one.key == key]
    assert any(problem in str(one) for one in found), mistakes("translation", override)


NUMBERS = [
    ("seed=18446744073709551616", "seed", "64 bits"),
    ("seed=9223372036854775808", "seed", "64 bits"),
    ("seed=-1", "seed", "greater than or equal to 0"),
    ("seed=true", "seed", "valid integer, was: true"),
    ("seed=1.0", "seed", "valid integer, was: 1.0"),
    ("threads=0.5", "threads", "valid integer"),
    ("threads=true", "threads", "valid integer"),
    ("model.hidden_size=true", "model.hidden_size", "valid integer"),
    ("model.hidden_size=0x1ffffffffffffffffffff", "model.hidden_size", "64 bits"),
    ("model.cell={kind='lstm', forget_bias=nan}", "model.cell.forget_bias", "finite"),
    ("model.cell={kind='lstm', forget_bias=-inf}", "model.cell.forget_bias", "finite"),
    ("model.cell={kind='lstm', forget_bias=1e308}", "model.cell.forget_bias", "at most 3.40e+38"),
    ("model.cell={kind='lstm', forget_bias=true}", "model.cell", "valid number"),
    ("model.cell={kind='mogrifier', rounds=1.0}", "model.cell", "valid integer"),
    ("model.cell={kind='mogrifier', rounds=true}", "model.cell", "valid integer"),
    ("model.attention={kind='dot', heads=true}", "model.attention", "valid integer"),
    ("model.attention={kind='dot', heads=inf}", "model.attention.heads", "finite"),
    ("training.optimizer={kind='adam', betas=[0.9, nan]}", "training.optimizer.betas[2]", "finite"),
    ("training.optimizer.learning_rate=inf", "training.optimizer.learning_rate", "finite"),
    ("training.schedule={kind='cosine', min_lr_ratio=nan}", "training.schedule.min_lr_ratio", "f"),
    ("training.minutes=inf", "training.minutes", "finite"),
    ("training.max_grad_norm=nan", "training.max_grad_norm", "finite"),
    ("decoding.length_penalty=1e999", "decoding.length_penalty", "finite"),
    ("model.dropout.output=nan", "model.dropout.output", "finite"),
    ("model.zoneout.hidden=nan", "model.zoneout.hidden", "finite"),
    ("data.max_length_ratio=nan", "data.max_length_ratio", "finite"),
]


@pytest.mark.parametrize(("override", "key", "problem"), NUMBERS)
def test_a_number_of_a_wrong_kind_has_its_line(override: str, key: str, problem: str) -> None:
    (mistake,) = mistakes("translation", override)
    assert mistake.key == key
    assert problem in str(mistake)


def test_the_largest_seed_is_accepted() -> None:
    assert recipe("translation", "seed=9223372036854775807").seed == 2**63 - 1


TEXTS = [
    f"x = {'[' * 1000}",
    f"x = {'[' * 1000}{']' * 1000}",
    f"x = {'[' * 50}{']' * 50}",
    f"x = {'{a=' * 100}1{'}' * 100}",
    f"{'a.' * 5000}b = 1",
    f"[{'.'.join('a' * 5000)}]",
]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:12])
def test_deep_tables_are_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "deep.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match="more than 16 levels"):
        read_table(file)


def test_numbers_of_thousands_of_digits(tmp_path: Path) -> None:
    file = tmp_path / "digits.toml"
    for number, problem in (("9" * 5000, "digits"), (f"0x{'f' * 5000}", "20,000 bits")):
        file.write_text(f"seed = {number}\n", encoding="utf-8")
        with pytest.raises(RecipeError, match=problem) as caught:
            read_recipe(str(file))
        assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "override",
    ["=1", ".=1", "..=1", " =1", "a..b=1", ".seed=1", "seed.=1", "seed", "", f"{'a.' * 1000}b=1"],
)
def test_overrides_without_a_key(override: str) -> None:
    with pytest.raises(RecipeError, match="not an override"):
        read_overrides({}, [override])


def test_overrides_through_values_and_with_lines() -> None:
    with pytest.raises(RecipeError, match="seed is a value, not a table"):
        read_overrides({"seed": 1}, ["seed.x.y=1"])
    # Only one value: the second line would be another key.
    assert read_overrides({}, ["task=1\nseed = 2"]) == {"task": "1\nseed = 2"}
    deep = read_overrides({}, [f"seed={'[' * 2000}"])
    assert len(deep["seed"]) == 2000


def test_keys_with_dots_and_quotes_are_unknown_keys() -> None:
    table = {**TABLES["language-model"], "model": {"x.hidden_size": 3, "": 1, 'a"b': 2}}
    with pytest.raises(RecipeError) as caught:
        parse(table, where="recipe", catalogue=CATALOGUE)
    keys = {mistake.key for mistake in caught.value.mistakes}
    assert keys == {'model."x.hidden_size"', 'model.""', 'model."a\\"b"'}


def test_long_values_are_shortened_in_messages() -> None:
    for override in (f"seed={'x' * 10_000}", f"task={'x' * 10_000}", f"x{'y' * 10_000}=1"):
        (mistake,) = mistakes("translation", override)
        assert len(str(mistake)) < 1000


SWEEP = {"recipe": "parity", "score": "accuracy"}
SWEEPS = [
    ({"seeds": [2**64]}, "seeds", "64 bits"),
    ({"seeds": [-1]}, "seeds", "greater than or equal to 0"),
    ({"seeds": []}, "seeds", "at least 1"),
    ({"seeds": {}}, "seeds", "list"),
    ({"score": []}, "score", "must be one of"),
    ({"variants": {}}, "variants", "list"),
    ({"variants": [1]}, "variants[1]", "must be"),
    ({"vary": []}, "vary", "must be"),
    ({"vary": {"": [1]}}, 'vary.""', "no key"),
    ({"vary": {"a." * 1000 + "b": [1]}}, "vary.", "no key"),
    ({"vary": {str(name): [1, 2] for name in range(60)}}, "vary", "combinations"),
    ({"budget": f"{'9' * 400}M"}, None, ""),
    ({"budget": -1}, "budget", "number of parameters"),
    ({"variants": [{"name": "a", "expect": ">= 1e999"}]}, "variants[1].expect", "must be like"),
    ({"variants": [{"name": "a", "expect": ">= 1.2.3"}]}, "variants[1].expect", ""),
    ({"set": {"model": {"dropout": {"output": float("nan")}}}}, "set.model.dropout.output", "fin"),
]


@pytest.mark.parametrize(("changes", "key", "problem"), SWEEPS, ids=lambda value: str(value)[:30])
def test_sweeps_of_a_wrong_shape(changes: dict[str, object], key: str | None, problem: str) -> None:
    if key is None:
        assert parse_sweep({**SWEEP, **changes}, where="sweep").budget == 10**18
        return
    with pytest.raises(RecipeError) as caught:
        parse_sweep({**SWEEP, **changes}, where="sweep")
    found = [one for one in caught.value.mistakes if one.key.startswith(key)]
    assert any(problem in str(one) for one in found), caught.value.mistakes
