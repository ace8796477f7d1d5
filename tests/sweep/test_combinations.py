"""Variations of a recipe: their names, and how changes are merged."""

from __future__ import annotations

from typing import Any

from seqlstm.sweep.combinations import Variation, overlay, short_text, shortened, variations_of
from seqlstm.sweep.schema import parse_sweep


def variations(**keys: Any) -> list[Variation]:
    sweep = parse_sweep({"recipe": "mine", "score": "accuracy"} | keys, where="sweep")
    return [*variations_of(sweep, "mine")]


def test_a_change_affects_only_its_key() -> None:
    table = {"training": {"steps": 5, "max_grad_norm": 1.0}, "model": {"embedding_dim": 3}}
    changed = overlay(table, {"training": {"steps": 9}, "seed": 2})
    assert changed == {
        "training": {"steps": 9, "max_grad_norm": 1.0},
        "model": {"embedding_dim": 3},
        "seed": 2,
    }
    assert table == {"training": {"steps": 5, "max_grad_norm": 1.0}, "model": {"embedding_dim": 3}}


def test_a_table_with_a_kind_replaces_all_options() -> None:
    table = {"model": {"cell": {"kind": "gru", "reset": "before"}, "embedding_dim": 3}}
    changed = overlay(table, {"model": {"cell": {"kind": "lstm"}}})
    assert changed == {"model": {"cell": {"kind": "lstm"}, "embedding_dim": 3}}
    assert overlay(table, {"model": {"cell": {"reset": "after"}}})["model"]["cell"] == {
        "kind": "gru",
        "reset": "after",
    }


def test_an_empty_string_removes_a_key() -> None:
    assert overlay({"training": {"minutes": 5}}, {"training": {"minutes": "", "steps": 1}}) == {
        "training": {"steps": 1}
    }


def test_every_variant_at_every_point() -> None:
    found = variations(
        set={"threads": 1, "model": {"num_layers": 9}},
        vary={"data.options.lag": [50, 100]},
        variants=[{"name": "a", "set": {"model": {"num_layers": 3}}}, {"name": "b"}],
    )
    assert [variation.name for variation in found] == [
        "a, lag=50",
        "b, lag=50",
        "a, lag=100",
        "b, lag=100",
    ]
    assert [variation.point for variation in found] == ["lag=50", "lag=50", "lag=100", "lag=100"]
    tables = [variation.apply({"threads": 4, "model": {"embedding_dim": 2}}) for variation in found]
    assert tables[0] == {
        "threads": 1,
        "model": {"num_layers": 3, "embedding_dim": 2},
        "data": {"options": {"lag": 50}},
    }
    assert tables[3]["model"]["num_layers"] == 9
    assert tables[3]["data"] == {"options": {"lag": 100}}


def test_all_combinations_of_varied_values() -> None:
    found = variations(vary={"model.num_layers": [1, 2], "training.max_grad_norm": [0.5, 1.0]})
    assert [variation.name for variation in found] == [
        *("num_layers=1, max_grad_norm=0.5", "num_layers=1, max_grad_norm=1.0"),
        *("num_layers=2, max_grad_norm=0.5", "num_layers=2, max_grad_norm=1.0"),
    ]


def test_without_variation_there_is_only_the_recipe() -> None:
    assert [(form.name, form.changes, form.varied) for form in variations()] == [
        ("mine", ({},), {})
    ]


def test_keys_are_shortened_but_unambiguous() -> None:
    assert shortened(["data.options.lag", "model.num_layers"]) == ["lag", "num_layers"]
    assert shortened(
        ["model.encoder.num_layers", "model.decoder.num_layers", "model.num_layers"]
    ) == [*("encoder.num_layers", "decoder.num_layers", "model.num_layers")]
    assert shortened(["seed", "data.seed"]) == ["seed", "data.seed"]


def test_short_texts_of_values() -> None:
    values = ({"kind": "gru", "reset": "after"}, [1, 2.5], True, "bpe", {"rate": 1e-3})
    assert [*map(short_text, values)] == ["gru reset=after", "1 2.5", "true", "bpe", "rate=0.001"]


def test_a_varied_key_changes_no_other_key() -> None:
    table = {
        "tokenizer": {"model_type": "bpe", "vocab_size": 77},
        "model": {"cell": {"kind": "lstm"}},
    }
    found = variations(
        vary={"tokenizer.model_type": ["unigram", "char", ""], "training.steps": [5]}
    )
    assert [variation.apply(table)["tokenizer"] for variation in found] == [
        {"model_type": "unigram", "vocab_size": 77},
        {"model_type": "char", "vocab_size": 77},
        {"vocab_size": 77},
    ]
    assert found[0].apply(table)["training"] == {"steps": 5}
    assert table["tokenizer"] == {"model_type": "bpe", "vocab_size": 77}
    (whole,) = variations(vary={"model": [{"embedding_dim": 3}]})
    assert whole.apply(table)["model"] == {
        "embedding_dim": 3
    }  # as the override model={embedding_dim=3} does
