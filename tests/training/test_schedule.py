from __future__ import annotations

import math

import pytest

from seqlstm.training.schedule import Schedule, Shape


@pytest.mark.parametrize("shape", ["constant", "linear", "cosine", "plateau"])
def test_warmup_is_linear(shape: Shape) -> None:
    schedule = Schedule(shape, warmup=4)
    factors = [schedule(step=step, progress=0.0) for step in range(7)]
    assert factors == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1, 1])


def test_without_warmup_the_factor_is_1_from_the_first_step() -> None:
    assert Schedule()(step=0, progress=0.0) == 1
    assert Schedule()(step=999, progress=1.0, reductions=5) == 1


@pytest.mark.parametrize(
    ("shape", "progress", "expected"),
    [
        ("linear", 0.0, 1.0),
        ("linear", 0.25, 0.775),
        ("linear", 1.0, 0.1),
        ("cosine", 0.0, 1.0),
        ("cosine", 0.25, 0.1 + 0.45 * (1 + math.sqrt(0.5))),
        ("cosine", 0.5, 0.55),
        ("cosine", 1.0, 0.1),
    ],
)
def test_decay_to_the_floor(shape: Shape, progress: float, expected: float) -> None:
    schedule = Schedule(shape, floor=0.1)
    assert schedule(step=50, progress=progress) == pytest.approx(expected, abs=1e-12)


def test_warmup_and_decay_multiply() -> None:
    assert Schedule("linear", warmup=9)(step=4, progress=0.5) == pytest.approx(0.25)


@pytest.mark.parametrize(("step", "expected"), [(0, 0.2), (4, 1.0), (16, 0.5), (64, 0.25)])
def test_inverse_square_root(step: int, expected: float) -> None:
    schedule = Schedule("inverse-square-root", warmup=4)
    assert schedule(step=step, progress=0.9) == pytest.approx(expected)


def test_a_plateau_multiplies_by_the_factor_at_each_reduction() -> None:
    schedule = Schedule("plateau", factor=0.5)
    assert [schedule(step=9, progress=0.9, reductions=reductions) for reductions in range(4)] == [
        1,
        0.5,
        0.25,
        0.125,
    ]
