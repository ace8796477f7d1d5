"""The schema of a sweep file, and its mistakes."""

from __future__ import annotations

from typing import Any

import pytest

from seqlstm.errors import Mistake, RecipeError
from seqlstm.sweep.schema import Expectation, Sweep, folder_name, parse_sweep, refused_overrides

LEAST = {"recipe": "mine", "score": "accuracy"}


def sweep(**keys: Any) -> Sweep:
    return parse_sweep(LEAST | keys, where="sweep")


def mistakes(**keys: Any) -> dict[str, Mistake]:
    with pytest.raises(RecipeError) as caught:
        sweep(**keys)
    return {mistake.key: mistake for mistake in caught.value.mistakes}


def test_the_smallest_sweep() -> None:
    found = sweep()
    assert (found.seeds, found.split, found.weights) == ((1, 2, 3), "test", "last")
    assert (found.budget, found.baseline, found.variants) == (None, None, ())


@pytest.mark.parametrize(
    ("value", "parameters"),
    [("1M", 1_000_000), ("1.5M", 1_500_000), ("250k", 250_000), (777, 777), ("1_000", 1000)],
)
def test_a_budget_is_a_number_of_parameters(value: Any, parameters: int) -> None:
    assert sweep(budget=value).budget == parameters


@pytest.mark.parametrize(
    ("text", "holds", "fails"),
    [(">= 0.95", 0.95, 0.949), ("<=.6", 0.6, 0.61), ("> 1", 1.1, 1), ("<-2e-1", -0.3, -0.2)],
)
def test_an_expectation_is_a_bound(text: str, holds: float, fails: float) -> None:
    expect = sweep(variants=[{"name": "a", "expect": text}]).variants[0].expect
    assert isinstance(expect, Expectation)
    assert expect.holds(holds)
    assert not expect.holds(fails)


def test_scores_where_less_is_better() -> None:
    better = {
        score: sweep(score=score).less_is_better
        for score in ("nats_per_token", "bits_per_byte", "perplexity_per_word", "accuracy", "bleu")
    }
    assert [*better.values()] == [True, True, True, False, False]


def test_every_mistake_has_the_number_of_its_variant() -> None:
    found = mistakes(
        score="acuracy",
        seeds=[1, "2"],
        bugdet="1M",
        weights="first",
        vary={"model.num_layers": []},
        variants=[{"name": "fine"}, {"nam": "x", "expect": "about 1"}, {"name": " "}],
    )
    assert set(found) == {
        *("score", "seeds[2]", "bugdet", "weights", "vary.model.num_layers"),
        *("variants[2].name", "variants[2].nam", "variants[2].expect", "variants[3].name"),
    }
    assert found["bugdet"] == Mistake("bugdet", "unknown key", 'did you mean "budget"?')
    assert found["variants[2].nam"].suggestion == 'did you mean "name"?'
    assert found["score"].suggestion == 'did you mean "accuracy"?'
    assert 'must be like ">= 0.95", was: about 1' in str(found["variants[2].expect"])


def test_keys_that_contradict_each_other() -> None:
    found = mistakes(
        seeds=[1, 1],
        budget="1M",
        baseline="lsmt",
        set={"seed": 3, "model": {"hidden_size": 4}},
        vary={"model.hidden_size": [1, 2]},
        variants=[
            {"name": "lstm", "runs": 2, "set": {"model": {"hidden_size": 5}}},
            {"name": "gru", "expect": "> 1", "runs": 3},
        ],
    )
    assert set(found) == {
        *("seeds", "baseline", "set.seed", "set.model.hidden_size", "vary.model.hidden_size"),
        *("variants[1].runs", "variants[1].set.model.hidden_size", "variants[2].runs"),
    }
    assert found["baseline"].suggestion == 'did you mean "lstm"?'
    assert "without expect" in found["variants[1].runs"].problem
    assert "the budget sets it" in found["set.model.hidden_size"].problem
    assert found["variants[2].runs"].problem == "must be at most the number of seeds, 2, was: 3"


def test_a_name_becomes_a_folder() -> None:
    assert folder_name("lstm, lag=50") == "lstm,lag=50"
    assert folder_name("../a/b: c") == "a_b_c"


@pytest.mark.parametrize(("key", "value"), [("seeds", 3), ("variants", "lstm")])
def test_lists_must_be_lists(key: str, value: Any) -> None:
    assert mistakes(**{key: value})[key].problem == f"must be a list, was: {value}"


def test_a_hidden_size_inside_of_a_varied_table() -> None:
    found = mistakes(
        budget="1M", vary={"model": [{"embedding_dim": 3}, {"hidden_size": 4}, {"hidden_size": 5}]}
    )
    assert set(found) == {"vary.model.hidden_size"}


def test_overrides_of_keys_that_the_sweep_sets() -> None:
    one = sweep(budget="1M", vary={"model.cell.kind": ["lstm"]})

    def refused(*overrides: str) -> list[str]:
        return [mistake.key for mistake in refused_overrides(overrides, one)]

    assert refused("model.cell={kind='gru'}") == ["model.cell"]
    assert refused("model.cell.kind=gru") == refused("model.cell.kind=") == ["model.cell.kind"]
    assert refused("model.cell.kind.x=1") == ["model.cell.kind.x"]
    assert refused("model={hidden_size=3}") == ["model.hidden_size", "model"]
    assert refused("model.hidden_size=", "seed = 3") == ["seed", "model.hidden_size"]
    assert refused("model.cells=1", "model.cell.kinds=1", "threads=2") == []
