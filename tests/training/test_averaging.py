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
    move(model, value)
    return model


def move(model: nn.Linear, value: float) -> None:
    with torch.no_grad():
        model.weight.fill_(value)


def averaged(average: NoAveraging) -> float:
    weights = average.weights()
    assert weights is not None
    return float(weights["weight"])


def triggered(_: float = 1) -> TriggeredAveraging:
    """One that has begun."""
    average = TriggeredAveraging(1)
    for value in (1.0, 1.0, 2.0):
        average.after_validation(value)
    assert average.begun
    return average


def test_no_average_is_the_models_own() -> None:
    average, model = NoAveraging(), model_at(3)
    average.after_step(model)
    average.before_validation(model)
    average.after_validation(1.0)
    assert average.weights() is None
    with average.applied(model):
        assert model.weight.item() == 3
    average.load_state_dict(average.state_dict())


def test_exponential_by_hand() -> None:
    average, model = ExponentialAveraging(0.26), model_at(0)
    assert average.weights() is None
    expected = 1.0
    for step, value in enumerate([1.0, 2.0, 4.0, -3.0], 1):
        move(model, value)
        average.after_step(model)
        decay = min(0.26, (1 + step) / (10 + step))  # 2/11, 3/12, then 0.26
        expected = decay * expected + (1 - decay) * value
        assert averaged(average) == pytest.approx(expected, rel=1e-6)


def test_last_by_hand() -> None:
    average, model = CheckpointAveraging(2), model_at(0)
    assert average.weights() is None
    for value, expected in ((1.0, 1.0), (2.0, 1.5), (6.0, 4.0)):
        move(model, value)
        average.after_step(model)
        average.before_validation(model)
        assert averaged(average) == expected


def test_triggered_by_hand() -> None:
    """Patience 2: the fourth is no worse than the first, the only older; the fifth is."""
    average, model = TriggeredAveraging(2), model_at(0)
    for value, validation in enumerate([3.0, 4.0, 5.0, 3.0, 3.5], 1):
        move(model, value)
        average.after_step(model)
        assert average.weights() is None
        average.after_validation(validation)
    for value, expected in ((6.0, 6.0), (2.0, 4.0), (1.0, 3.0)):
        move(model, value)
        average.after_step(model)
        average.after_validation(0.1)
        assert averaged(average) == pytest.approx(expected, rel=1e-6)


def test_triggered_by_validations_that_have_a_past_only() -> None:
    average = TriggeredAveraging(5)
    for validation in (1.0, 9.0, 9.0, 9.0, 9.0, 9.0):
        average.after_validation(validation)
        assert not average.begun
    average.after_validation(float("nan"))
    assert average.begun


def test_a_trigger_is_resumed_before_it_fires() -> None:
    stopped, resumed = TriggeredAveraging(2), TriggeredAveraging(2)
    for value in (1.0, 2.0, 3.0):
        stopped.after_validation(value)
    assert not stopped.begun
    resumed.load_state_dict(stopped.state_dict())
    resumed.after_validation(1.5)
    assert resumed.begun


def test_triggered_as_in_algorithm_1() -> None:
    """The paper's `t > n and v > min(logs[: t − n])`, over a walk at random."""
    draw = Random(1)
    for patience in (1, 3, 5):
        logs: list[float] = []
        average, fired = TriggeredAveraging(patience), False
        for _ in range(30):
            value = draw.random() / (1 + len(logs))
            if len(logs) > patience and value > min(logs[: len(logs) - patience]):
                fired = True
            logs.append(value)
            average.after_validation(value)
            assert average.begun == fired


@pytest.mark.parametrize(
    "average", [ExponentialAveraging(0.5), CheckpointAveraging(3), triggered()]
)
def test_applied_puts_the_average_in_and_takes_it_out(average: NoAveraging) -> None:
    model = model_at(1)
    for value in (1.0, 5.0):
        move(model, value)
        average.after_step(model)
        average.before_validation(model)
    with average.applied(model):
        assert model.weight.item() == pytest.approx(averaged(average))
        assert model.weight.item() != 5
    assert model.weight.item() == 5
    with pytest.raises(RuntimeError, match="inside"), average.applied(model):
        raise RuntimeError("inside")
    assert model.weight.item() == 5


@pytest.mark.parametrize("kind", [ExponentialAveraging, CheckpointAveraging, triggered])
def test_an_average_goes_on_from_its_state(kind: Callable[[int], NoAveraging]) -> None:
    def seen(average: NoAveraging, *values: float) -> NoAveraging:
        for value in values:
            model = model_at(value)
            average.after_step(model)
            average.before_validation(model)
            average.after_validation(value)
        return average

    whole = seen(kind(3), 1.0, 2.0, 7.0, -1.0)
    resumed = kind(3)
    resumed.load_state_dict(seen(kind(3), 1.0, 2.0).state_dict())
    assert averaged(seen(resumed, 7.0, -1.0)) == averaged(whole)
