"""Dropout between the layers of a stack, and inside their recurrences."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.recurrent.layer import WeightDrop
from seqlstm.recurrent.stack import Stack
from tests.recurrent.cases import assert_same
from tests.recurrent.stacks import every_shape, inputs_for, stack_of


def dropped_inputs(stack: Stack) -> list[Tensor]:
    """The inputs of each layer in one training pass."""
    seen: list[Tensor] = []
    hooks = [
        layer.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
        for layer in stack.layers
    ]
    stack.train()(inputs_for(stack))
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize("probability", [0.25, 0.5])
@pytest.mark.parametrize("variational", [True, False])
def test_dropout_between_layers_scales_the_other_features(
    probability: float, variational: bool
) -> None:
    torch.manual_seed(0)
    stack = stack_of(dropout=probability, variational=variational, hidden_size=64, input_size=64)
    inputs = dropped_inputs(stack)
    assert torch.equal(inputs[0], inputs_for(stack))
    for layer, entered, left in zip(stack.layers, inputs, inputs[1:], strict=False):
        mask = left / layer(entered)[0]
        near_one = (mask * (1 - probability) - 1).abs() < 1e-9
        assert (near_one | (left == 0)).all()
        assert abs((left == 0).double().mean() - probability) < 0.12
        steps_agree = (mask == 0).all(dim=0) | (mask != 0).all(dim=0)
        assert steps_agree.all() == variational
        assert not torch.equal(mask[:, 0] == 0, mask[:, 1] == 0)


def test_the_last_output_is_not_dropped() -> None:
    stack = stack_of(dropout=0.5).train()
    assert (stack(inputs_for(stack))[0] != 0).all()


@pytest.mark.parametrize("variational", [True, False])
@every_shape
def test_nothing_is_dropped_in_evaluation(options: dict[str, Any], variational: bool) -> None:
    regularised = stack_of(dropout=0.5, weight_drop=0.5, variational=variational, **options).eval()
    bare = stack_of(**options)
    values = [parameter.detach() for parameter in regularised.parameters()]
    with torch.no_grad():
        for parameter, value in zip(bare.parameters(), values, strict=True):
            parameter.copy_(value)
    inputs = inputs_for(bare)
    assert_same(regularised(inputs), bare(inputs))


@pytest.mark.parametrize("probability", [-0.1, 1.0])
def test_dropout_is_a_probability(probability: float) -> None:
    with pytest.raises(ValueError, match="dropout"):
        stack_of(dropout=probability)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_weight_drop_reaches_every_layer(bidirectional: bool) -> None:
    stack = stack_of(weight_drop=0.5, bidirectional=bidirectional)
    dropping = [module for module in stack.modules() if isinstance(module, WeightDrop)]
    assert len(dropping) == (6 if bidirectional else 3)
    assert all(module.probability == 0.5 for module in dropping)
    torch.manual_seed(0)
    stack.train()
    inputs = inputs_for(stack)
    assert (stack(inputs)[0] - stack(inputs)[0]).abs().max() > 1e-3
