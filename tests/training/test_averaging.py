from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
import torch
from torch import nn

from seqlstm.training.averaging import (
    CheckpointAveraging,
    ExponentialAveraging,
    NoAveraging,
    TriggeredAveraging,
)


def model_at(value: float) -> nn.Linear:
    model = nn.Linear(1, 1, bias=False)
    set_weight(model, value)
    return model


def set_weight(model: nn.Linear, value: float) -> None:
    with torch.no_grad():
        model.weight.fill_(value)


def averaged(average: NoAveraging) -> float:
    weights = average.weights()
    assert weights is not None
    return float(weights["weight"])


def triggered(_: float = 1) -> TriggeredAveraging:
    """A triggered average whose mean has begun."""
    average = TriggeredAveraging(1)
    for value in (1.0, 1.0, 2.0):
        average.after_validation(value)
    assert average.triggered
    return average


def test_without_averaging_the_models_weights_are_used() -> None:
    average, model = NoAveraging(), model_at(3)
    average.after_step(model)
    average.before_validation(model)
    average.after_validation(1.0)
    assert average.weights() is None
    with average.apply_to(model):
        assert model.weight.item() == 3
    average.load_state_dict(average.state_dict())


def test_exponential_average() -> None:
    average, model = ExponentialAveraging(0.26), model_at(0)
    assert average.weights() is None
    expected = 1.0
    for step, value in enumerate([1.0, 2.0, 4.0, -3.0], 1):
        set_weight(model, value)
        average.after_step(model)
        decay = min(0.26, (1 + step) / (10 + step))  # 2/11, 3/12, then 0.26
        expected = decay * expected + (1 - decay) * value
        assert averaged(average) == pytest.approx(expected, rel=1e-6)


def test_mean_of_the_last_checkpoints() -> None:
    average, model = CheckpointAveraging(2), model_at(0)
    assert average.weights() is None
    for value, expected in ((1.0, 1.0), (2.0, 1.5), (6.0, 4.0)):
        set_weight(model, value)
        average.after_step(model)
        average.before_validation(model)
        assert averaged(average) == expected


def test_triggered_average() -> None:
    """Patience 2: validation 4 is not worse than validation 1; 5 is worse than the best of 1, 2."""
    average, model = TriggeredAveraging(2), model_at(0)
    for value, validation in enumerate([3.0, 4.0, 5.0, 3.0, 3.5], 1):
        set_weight(model, value)
        average.after_step(model)
        assert average.weights() is None
        average.after_validation(validation)
    for value, expected in ((6.0, 6.0), (2.0, 4.0), (1.0, 3.0)):
        set_weight(model, value)
        average.after_step(model)
        average.after_validation(0.1)
        assert averaged(average) == pytest.approx(expected, rel=1e-6)


def test_a_trigger_needs_more_validations_than_its_patience() -> None:
    average = TriggeredAveraging(5)
    for validation in (1.0, 9.0, 9.0, 9.0, 9.0, 9.0):
        average.after_validation(validation)
        assert not average.triggered
    average.after_validation(float("nan"))
    assert average.triggered


def test_resuming_before_the_trigger() -> None:
    stopped, resumed = TriggeredAveraging(2), TriggeredAveraging(2)
    for value in (1.0, 2.0, 3.0):
        stopped.after_validation(value)
    assert not stopped.triggered
    resumed.load_state_dict(stopped.state_dict())
    resumed.after_validation(1.5)
    assert resumed.triggered


def test_triggered_as_in_algorithm_1() -> None:
    """The paper's condition `t > n and v > min(logs[: t − n])`, over random values."""
    random = Random(1)
    for patience in (1, 3, 5):
        logs: list[float] = []
        average, expected = TriggeredAveraging(patience), False
        for _ in range(30):
            value = random.random() / (1 + len(logs))
            if len(logs) > patience and value > min(logs[: len(logs) - patience]):
                expected = True
            logs.append(value)
            average.after_validation(value)
            assert average.triggered == expected


@pytest.mark.parametrize(
    "average", [ExponentialAveraging(0.5), CheckpointAveraging(3), triggered()]
)
def test_apply_to_swaps_the_weights_and_restores_them(average: NoAveraging) -> None:
    model = model_at(1)
    for value in (1.0, 5.0):
        set_weight(model, value)
        average.after_step(model)
        average.before_validation(model)
    with average.apply_to(model):
        assert model.weight.item() == pytest.approx(averaged(average))
        assert model.weight.item() != 5
    assert model.weight.item() == 5
    with pytest.raises(RuntimeError, match="inside"), average.apply_to(model):
        raise RuntimeError("inside")
    assert model.weight.item() == 5


@pytest.mark.parametrize("kind", [ExponentialAveraging, CheckpointAveraging, triggered])
def test_averages_are_resumed_from_their_state(kind: Callable[[int], NoAveraging]) -> None:
    def update(average: NoAveraging, *values: float) -> NoAveraging:
        for value in values:
            model = model_at(value)
            average.after_step(model)
            average.before_validation(model)
            average.after_validation(value)
        return average

    whole = update(kind(3), 1.0, 2.0, 7.0, -1.0)
    resumed = kind(3)
    resumed.load_state_dict(update(kind(3), 1.0, 2.0).state_dict())
    assert averaged(update(resumed, 7.0, -1.0)) == averaged(whole)
