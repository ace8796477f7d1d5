"""The forms of a recipe: their names, and how changes are laid over it."""

from __future__ import annotations

from typing import Any

from seqlstm.sweep.combinations import Variation, forms_of, overlay, shortened, spelled
from seqlstm.sweep.schema import parse_sweep


def forms(**keys: Any) -> list[Variation]:
    sweep = parse_sweep({"recipe": "mine", "score": "accuracy"} | keys, where="sweep")
    return [*forms_of(sweep, "mine")]


def test_a_change_reaches_its_key_alone() -> None:
    table = {"training": {"steps": 5, "max_grad_norm": 1.0}, "model": {"embedding_dim": 3}}
    changed = overlay(table, {"training": {"steps": 9}, "seed": 2})
    assert changed == {
        "training": {"steps": 9, "max_grad_norm": 1.0},
        "model": {"embedding_dim": 3},
        "seed": 2,
    }
    assert table == {"training": {"steps": 5, "max_grad_norm": 1.0}, "model": {"embedding_dim": 3}}


def test_a_table_of_a_kind_replaces_the_other_with_its_options() -> None:
    table = {"model": {"cell": {"kind": "gru", "reset": "before"}, "embedding_dim": 3}}
    changed = overlay(table, {"model": {"cell": {"kind": "lstm"}}})
    assert changed == {"model": {"cell": {"kind": "lstm"}, "embedding_dim": 3}}
    assert overlay(table, {"model": {"cell": {"reset": "after"}}})["model"]["cell"] == {
        "kind": "gru",
        "reset": "after",
    }


def test_an_empty_string_takes_a_key_away() -> None:
    assert overlay({"training": {"minutes": 5}}, {"training": {"minutes": "", "steps": 1}}) == {
        "training": {"steps": 1}
    }


def test_point_by_point_every_variant() -> None:
    found = forms(
        set={"threads": 1, "model": {"num_layers": 9}},
        vary={"data.options.lag": [50, 100]},
        variants=[{"name": "a", "set": {"model": {"num_layers": 3}}}, {"name": "b"}],
    )
    assert [form.name for form in found] == ["a, lag=50", "b, lag=50", "a, lag=100", "b, lag=100"]
    assert [form.point for form in found] == ["lag=50", "lag=50", "lag=100", "lag=100"]
    tables = [form.of({"threads": 4, "model": {"embedding_dim": 2}}) for form in found]
    assert tables[0] == {
        "threads": 1,
        "model": {"num_layers": 3, "embedding_dim": 2},
        "data": {"options": {"lag": 50}},
    }
    assert tables[3]["model"]["num_layers"] == 9
    assert tables[3]["data"] == {"options": {"lag": 100}}


def test_all_combinations_of_what_is_varied() -> None:
    found = forms(vary={"model.num_layers": [1, 2], "training.max_grad_norm": [0.5, 1.0]})
    assert [form.name for form in found] == [
        *("num_layers=1, max_grad_norm=0.5", "num_layers=1, max_grad_norm=1.0"),
        *("num_layers=2, max_grad_norm=0.5", "num_layers=2, max_grad_norm=1.0"),
    ]


def test_without_variation_there_is_the_recipe() -> None:
    assert [(form.name, form.changes, form.varied) for form in forms()] == [("mine", ({},), {})]


def test_keys_are_as_short_as_they_can_be_told_apart() -> None:
    assert shortened(["data.options.lag", "model.num_layers"]) == ["lag", "num_layers"]
    assert shortened(
        ["model.encoder.num_layers", "model.decoder.num_layers", "model.num_layers"]
    ) == [*("encoder.num_layers", "decoder.num_layers", "model.num_layers")]
    assert shortened(["seed", "data.seed"]) == ["seed", "data.seed"]


def test_values_are_spelled_in_few_characters() -> None:
    values = ({"kind": "gru", "reset": "after"}, [1, 2.5], True, "bpe", {"rate": 1e-3})
    assert [*map(spelled, values)] == ["gru reset=after", "1 2.5", "true", "bpe", "rate=0.001"]


def test_a_varied_key_leaves_its_neighbours_alone() -> None:
    table = {
        "tokenizer": {"model_type": "bpe", "vocab_size": 77},
        "model": {"cell": {"kind": "lstm"}},
    }
    found = forms(vary={"tokenizer.model_type": ["unigram", "char", ""], "training.steps": [5]})
    assert [form.of(table)["tokenizer"] for form in found] == [
        {"model_type": "unigram", "vocab_size": 77},
        {"model_type": "char", "vocab_size": 77},
        {"vocab_size": 77},
    ]
    assert found[0].of(table)["training"] == {"steps": 5}
    assert table["tokenizer"] == {"model_type": "bpe", "vocab_size": 77}
    (whole,) = forms(vary={"model": [{"embedding_dim": 3}]})
    assert whole.of(table)["model"] == {"embedding_dim": 3}  # as model={embedding_dim=3} does
