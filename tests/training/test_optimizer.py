from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from seqlstm.training.optimizer import (
    OPTIMIZERS,
    clip_gradients,
    gradient_norm,
    make_optimizer,
    set_learning_rate,
)


def model() -> nn.Linear:
    layer = nn.Linear(3, 2)
    nn.init.ones_(layer.weight)
    nn.init.ones_(layer.bias)
    return layer


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("adam", {"betas": (0.8, 0.9)}),
        ("adamw", {"betas": (0.8, 0.9), "weight_decay": 0.1}),
        ("sgd", {"momentum": 0.9, "weight_decay": 0.1}),
    ],
)
def test_options_are_passed_on_and_biases_do_not_decay(kind: str, options: dict[str, Any]) -> None:
    layer = model()
    optimizer = make_optimizer(layer, kind=kind, learning_rate=0.5, **options)
    assert type(optimizer) is OPTIMIZERS[kind]
    matrices, biases = optimizer.param_groups
    assert [id(parameter) for parameter in matrices["params"]] == [id(layer.weight)]
    assert [id(parameter) for parameter in biases["params"]] == [id(layer.bias)]
    assert matrices.items() >= {"lr": 0.5, **options}.items()
    assert biases.items() >= {"lr": 0.5, **options, "weight_decay": 0.0}.items()


def test_weight_decay_of_one_step() -> None:
    layer = model()
    optimizer = make_optimizer(layer, kind="sgd", learning_rate=0.5, weight_decay=0.1)
    (layer(torch.zeros(1, 3)) * 0).sum().backward()
    optimizer.step()
    assert torch.allclose(layer.weight, torch.full((2, 3), 0.95))
    assert torch.equal(layer.bias, torch.ones(2))


def test_the_learning_rate_of_every_group_is_set() -> None:
    optimizer = make_optimizer(model(), kind="adam", learning_rate=0.5)
    set_learning_rate(optimizer, 0.125)
    assert [group["lr"] for group in optimizer.param_groups] == [0.125, 0.125]


@pytest.mark.parametrize("kind", sorted(OPTIMIZERS))
@pytest.mark.parametrize("norms", [(8.0, 0.5), (0.5, 8.0)])
def test_clipping_equals_scaled_gradients(kind: str, norms: tuple[float, float]) -> None:
    weights = []
    for scaled in (False, True):
        layer = model()
        optimizer = make_optimizer(layer, kind=kind, learning_rate=0.1)
        for norm in norms:
            size = min(norm, 2.0) if scaled else norm
            layer.weight.grad = torch.tensor([[size, 0, 0], [0, 0, 0]])
            layer.bias.grad = torch.zeros(2)
            if not scaled:
                clip_gradients(optimizer, norm, 2.0)
            optimizer.step()
        weights.append(layer.weight.detach())
    assert torch.allclose(*weights, rtol=1e-6)
    assert not torch.allclose(weights[0], torch.ones(2, 3))


def test_the_norm_of_all_gradients_as_one_vector() -> None:
    layer = model()
    layer.weight.grad = torch.tensor([[3.0, 0, 0], [0, 0, 0]])
    assert float(gradient_norm(layer.parameters())) == pytest.approx(3.0)
    layer.bias.grad = torch.tensor([0.0, 4])
    assert float(gradient_norm(layer.parameters())) == pytest.approx(5.0)
