"""Weight drop: DropConnect on the recurrent matrix, one mask for a sequence."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqlstm.nn.dropout import dropout
from seqlstm.recurrent.layer import WeightDrop
from tests.recurrent.cases import (
    BATCH,
    CASES,
    TIME,
    WIDTH,
    Case,
    assert_same,
    every_backend,
    gradients,
    layer_of,
    lived_in,
    noise,
)

every_dropped_cell = pytest.mark.parametrize(
    "case", [case for case in CASES if hasattr(case.build(), "recurrent")], ids=str
)


def dropping(case: Case, probability: float = 0.5) -> WeightDrop:
    return WeightDrop(layer_of(case), probability)


@every_dropped_cell
def test_weight_drop_is_nothing_in_evaluation(case: Case) -> None:
    wrapped = dropping(case).eval()
    inputs, state = noise(TIME, BATCH, WIDTH), lived_in(wrapped.layer.cell, BATCH)
    assert_same(wrapped(inputs, state), wrapped.layer(inputs, state))


def next_mask(like: Tensor) -> Tensor:
    """The next mask of dropout: 0 for a dropped weight, else 2."""
    mask = dropout(torch.ones_like(like), 0.5)
    assert set(mask.unique().tolist()) == {0.0, 2.0}
    return mask


@every_backend
@every_dropped_cell
def test_weight_drop_keeps_one_mask_for_the_whole_sequence(case: Case, backend: str) -> None:
    wrapped, masked = WeightDrop(layer_of(case, backend=backend), 0.5), layer_of(case)
    inputs = noise(TIME, BATCH, WIDTH)
    torch.manual_seed(3)
    dropped = wrapped(inputs)
    torch.manual_seed(3)
    with torch.no_grad():
        masked.cell.recurrent.mul_(next_mask(masked.cell.recurrent))
    assert_same(dropped, masked(inputs))


@every_dropped_cell
def test_weight_drop_has_a_new_mask_for_each_sequence(case: Case) -> None:
    wrapped = dropping(case)
    inputs = noise(TIME, BATCH, WIDTH)
    torch.manual_seed(3)
    first, second = wrapped(inputs)[0], wrapped(inputs)[0]
    assert (first - second).abs().max() > 1e-3


@every_backend
@every_dropped_cell
def test_weight_drop_sends_the_gradient_through_its_mask(case: Case, backend: str) -> None:
    wrapped, masked = WeightDrop(layer_of(case, backend=backend), 0.5), layer_of(case)
    inputs, raw = noise(TIME, BATCH, WIDTH), wrapped.layer.cell.recurrent
    torch.manual_seed(3)
    wanted = list(wrapped.parameters())
    ours = gradients(lambda: wrapped(inputs), wanted)
    assert raw is wrapped.layer.cell.recurrent
    assert torch.equal(raw, masked.cell.recurrent)
    torch.manual_seed(3)
    mask = next_mask(raw)
    with torch.no_grad():
        masked.cell.recurrent.mul_(mask)
    expected = gradients(lambda: masked(inputs), list(masked.parameters()))
    scales = [mask if parameter is raw else torch.ones_like(parameter) for parameter in wanted]
    assert any(parameter is raw for parameter in wanted)
    assert_same(ours, tuple(map(torch.mul, scales, expected)))


def test_weight_drop_adds_no_parameter() -> None:
    wrapped = dropping(Case("lstm"))
    assert len(list(wrapped.parameters())) == len(list(wrapped.layer.parameters()))


@pytest.mark.parametrize("kind", ["mlstm", "mingru"])
def test_a_cell_without_a_recurrent_matrix_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=r"M\w+ has no recurrent matrix to drop from"):
        dropping(Case(kind))
