from __future__ import annotations

import pytest
import torch

from seqlstm.errors import RunError
from seqlstm.training.weights import set_weights, weights_of
from tests.tiny import language_model


def test_weights_there_and_back() -> None:
    one, other = language_model(11, seed=1), language_model(11, seed=2)
    kept = weights_of(one)
    set_weights(other, kept)
    assert all(torch.equal(kept[name], value) for name, value in other.named_parameters())
    assert other.output_layer.weight is other.embedding.table.weight


def test_weights_are_a_copy_in_which_a_shared_one_stands_once() -> None:
    model = language_model(11)
    kept = weights_of(model)
    assert "output_layer.weight" not in kept
    before = kept["output_layer.bias"].clone()
    with torch.no_grad():
        model.output_layer.bias.add_(1)
    assert torch.equal(kept["output_layer.bias"], before)
    assert not any(value.requires_grad for value in kept.values())


def test_another_models_weights_are_refused_and_nothing_changes() -> None:
    model = language_model(11)
    before = weights_of(model)
    foreign = weights_of(model)
    foreign["extra"] = foreign.pop("output_layer.bias")
    foreign["embedding.table.weight"] = torch.zeros(12, 6)
    with pytest.raises(RunError) as caught:
        set_weights(model, foreign)
    for problem in (
        "output_layer.bias is missing",
        "extra is unknown",
        "embedding.table.weight is (12, 6), not (11, 6)",
    ):
        assert problem in str(caught.value)
    after = weights_of(model)
    assert all(torch.equal(before[name], after[name]) for name in before)
