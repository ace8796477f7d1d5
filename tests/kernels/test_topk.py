"""The highest scores come in order, equal ones in that of their places."""

from __future__ import annotations

from math import inf, nan

import pytest
import torch
from torch import Tensor

from seqlstm.kernels import topk as module
from seqlstm.kernels.topk import topk


@pytest.fixture(params=["machine code", "torch"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to find them."""
    if request.param == "torch":
        monkeypatch.setattr(module, "machine_code", lambda: None)
    elif module.machine_code() is None:
        pytest.skip("this machine compiles nothing")
    return str(request.param)


def sorted_rows(scores: Tensor, amount: int) -> tuple[Tensor, Tensor]:
    values, places = scores.sort(dim=-1, descending=True, stable=True)
    return values[:, :amount], places[:, :amount]


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("amount", [1, 2, 6, 10])
@pytest.mark.parametrize("columns", [10, 63, 64, 74, 138, 1000, 6001])
def test_they_are_those_of_a_sort(columns: int, amount: int) -> None:
    scores = torch.randn(13, columns, generator=torch.Generator().manual_seed(columns))
    for found, expected in zip(topk(scores, amount), sorted_rows(scores, amount), strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("amount", [1, 3, 6])
def test_equal_ones_in_the_order_of_their_places(amount: int) -> None:
    scores = torch.randint(0, 4, (50, 300), generator=torch.Generator().manual_seed(1)).float()
    values, places = topk(scores, amount)
    if module.machine_code() is None:  # of too many equal ones torch picks
        places = places.sort(-1).values
        assert torch.equal(scores.gather(-1, places), values)
        return
    expected = sorted_rows(scores, amount)
    assert torch.equal(values, expected[0])
    assert torch.equal(places, expected[1])


@pytest.mark.usefixtures("either")
def test_as_many_equal_ones_as_there_is_room() -> None:
    scores = torch.zeros(2, 200)
    scores[0, [150, 3, 77]], scores[1, [199, 64, 0]] = 1.0, 1.0
    _, places = topk(scores, 3)
    assert places.tolist() == [[3, 77, 150], [0, 64, 199]]


@pytest.mark.usefixtures("either")
def test_rows_of_which_little_is_possible() -> None:
    scores = torch.full((2, 130), -inf)
    scores[0, 129], scores[0, 5] = -1.0, -2.0
    values, places = topk(scores, 4)
    assert places[0, :2].tolist() == [129, 5]
    assert values.tolist() == [[-1.0, -2.0, -inf, -inf], [-inf] * 4]
    assert all(len(set(row)) == 4 for row in places.tolist())


@pytest.mark.usefixtures("either")
def test_of_parts_of_a_table() -> None:
    table = torch.randn(4, 50, 2, generator=torch.Generator().manual_seed(1))
    values, places = topk(table[..., 1], 5)
    assert torch.equal(values, sorted_rows(table[..., 1].contiguous(), 5)[0])
    assert places.shape == (4, 5)


@pytest.mark.usefixtures("either")
def test_other_types() -> None:
    scores = torch.randn(3, 90, dtype=torch.float64)
    values, _ = topk(scores, 4)
    assert torch.equal(values, scores.topk(4).values)


def test_rows_that_are_no_numbers_stay_so() -> None:
    values, places = topk(torch.full((1, 200), nan), 3)
    assert values.isnan().all()
    assert len(set(places[0].tolist())) == 3


@pytest.mark.parametrize("amount", [0, 6])
def test_there_must_be_so_many(amount: int) -> None:
    with pytest.raises(ValueError, match=r"\[1, 5\]"):
        topk(torch.zeros(2, 5), amount)
