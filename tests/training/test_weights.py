from __future__ import annotations

import pytest
import torch

from seqlstm.errors import RunError
from seqlstm.training.weights import set_weights, weights_of
from tests.tiny import language_model


def test_weights_are_copied_from_one_model_to_another() -> None:
    source, other = language_model(11, seed=1), language_model(11, seed=2)
    weights = weights_of(source)
    set_weights(other, weights)
    assert all(torch.equal(weights[name], value) for name, value in other.named_parameters())
    assert other.output_layer.weight is other.embedding.table.weight


def test_weights_are_a_copy_that_lists_shared_weights_once() -> None:
    model = language_model(11)
    weights = weights_of(model)
    assert "output_layer.weight" not in weights
    before = weights["output_layer.bias"].clone()
    with torch.no_grad():
        model.output_layer.bias.add_(1)
    assert torch.equal(weights["output_layer.bias"], before)
    assert not any(value.requires_grad for value in weights.values())


def test_weights_of_another_model_are_refused_and_nothing_changes() -> None:
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
