"""A sequence that is run step by step with one mask."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqlstm.nn.dropout import dropout, dropout_mask, fixed_masks
from seqlstm.recurrent.stack import Stack
from tests.recurrent.cases import BATCH, assert_same
from tests.recurrent.stacks import inputs_for, stack_of


def stepwise(stack: Stack, inputs: Tensor) -> Tensor:
    state, outputs = stack.initial_state(BATCH), []
    for now in torch.split(inputs, 1):
        output, state = stack(now, state)
        outputs.append(output)
    return torch.cat(outputs)


@pytest.mark.parametrize("options", [{"dropout": 0.5}, {"weight_drop": 0.5}])
def test_steps_of_one_sequence_share_a_mask(options: dict[str, float]) -> None:
    stack = stack_of(**options).train()
    inputs = inputs_for(stack)
    torch.manual_seed(3)
    whole, _ = stack(inputs)
    torch.manual_seed(3)
    with fixed_masks(stack):
        assert_same(stepwise(stack, inputs), whole)
    torch.manual_seed(3)
    assert (stepwise(stack, inputs) - whole).abs().max() > 1e-3


def test_each_sequence_has_its_own_mask() -> None:
    stack = stack_of(dropout=0.5, weight_drop=0.5).train()
    inputs, result = inputs_for(stack), []
    for _ in range(2):
        with fixed_masks(stack):
            result.append(stepwise(stack, inputs))
    assert (result[0] - result[1]).abs().max() > 1e-3
    with pytest.raises(RuntimeError), fixed_masks(stack):
        raise RuntimeError
    assert (stack(inputs)[0] - stack(inputs)[0]).abs().max() > 1e-3


def test_ordinary_dropout_has_a_new_mask_at_every_step() -> None:
    stack = stack_of(dropout=0.5, variational=False).train()
    inputs = inputs_for(stack)[:1].expand(2, -1, -1)
    with fixed_masks(stack):
        one, other = (stack(now, stack.initial_state(BATCH))[0] for now in inputs.split(1))
    assert (one - other).abs().max() > 1e-3


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_dropout_mask_has_mean_one(dtype: torch.dtype) -> None:
    mask = dropout_mask(torch.empty(0, dtype=dtype), (3, 500), 0.2)
    assert mask.dtype == dtype
    assert set(mask.unique().tolist()) == {0.0, torch.tensor(1 / 0.8, dtype=dtype).item()}


def test_values_and_gradients_have_the_same_mask() -> None:
    inputs = torch.full((20, 30), 2.0, dtype=torch.float64, requires_grad=True)
    dropped = dropout(inputs, 0.5)
    dropped.sum().backward()
    assert 200 < (dropped == 4).sum() < 400
    assert torch.equal(inputs.grad, dropped / 2)


def test_dropout_runs_on_the_meta_device() -> None:
    inputs = torch.empty(4, 5, device="meta")
    assert dropout(inputs, 0.5).shape == inputs.shape
    assert dropout_mask(inputs, (1, 5), 0.5).device.type == "meta"
