"""The k highest scores come in order, equal ones in the order of their indices."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import TypeAlias

import pytest
import torch
from torch import Tensor

from seqlstm.kernels.topk import KERNEL, topk, topk_reference

needs_code = pytest.mark.skipif(KERNEL.library() is None, reason="nothing is compiled here")
every_function = pytest.mark.parametrize(
    "function", [pytest.param(topk, marks=needs_code), topk_reference], ids=["C", "reference"]
)
Function: TypeAlias = Callable[[Tensor, int], tuple[Tensor, Tensor]]


def sorted_rows(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    values, indices = scores.sort(dim=-1, descending=True, stable=True)
    return values[:, :k], indices[:, :k]


@every_function
@pytest.mark.parametrize("k", [1, 2, 6, 10])
@pytest.mark.parametrize("columns", [10, 63, 64, 74, 138, 1000, 6001])
def test_it_equals_a_stable_sort(function: Function, columns: int, k: int) -> None:
    scores = torch.randn(13, columns, generator=torch.Generator().manual_seed(columns))
    for result, expected in zip(function(scores, k), sorted_rows(scores, k), strict=True):
        assert torch.equal(result, expected)


@needs_code
@pytest.mark.parametrize("k", [1, 3, 6])
def test_equal_scores_in_the_order_of_their_indices(k: int) -> None:
    scores = torch.randint(0, 4, (50, 300), generator=torch.Generator().manual_seed(1)).float()
    for result, expected in zip(topk(scores, k), sorted_rows(scores, k), strict=True):
        assert torch.equal(result, expected)


@needs_code
@pytest.mark.parametrize("k", [1, 6])
@pytest.mark.parametrize("columns", [6, 300])
def test_it_equals_its_reference(columns: int, k: int) -> None:
    scores = torch.randn(7, columns)
    for result, expected in zip(topk(scores, k), topk_reference(scores, k), strict=True):
        assert torch.equal(result, expected)


def test_of_more_than_k_equal_scores_the_reference_returns_any() -> None:
    scores = torch.randint(0, 4, (50, 300), generator=torch.Generator().manual_seed(1)).float()
    values, indices = topk_reference(scores, 3)
    assert torch.equal(values, sorted_rows(scores, 3)[0])
    assert torch.equal(scores.gather(-1, indices), values)
    assert (indices.diff() > 0).all()


@every_function
def test_k_equal_scores(function: Function) -> None:
    scores = torch.zeros(2, 200)
    scores[0, [150, 3, 77]], scores[1, [199, 64, 0]] = 1.0, 1.0
    _, indices = function(scores, 3)
    assert indices.tolist() == [[3, 77, 150], [0, 64, 199]]


@every_function
def test_rows_with_few_finite_scores(function: Function) -> None:
    scores = torch.full((2, 130), -inf)
    scores[0, 129], scores[0, 5] = -1.0, -2.0
    values, indices = function(scores, 4)
    assert indices[0, :2].tolist() == [129, 5]
    assert values.tolist() == [[-1.0, -2.0, -inf, -inf], [-inf] * 4]
    assert all(len(set(row)) == 4 for row in indices.tolist())


@every_function
def test_strided_scores(function: Function) -> None:
    table = torch.randn(4, 50, 2, generator=torch.Generator().manual_seed(1))
    values, indices = function(table[..., 1], 5)
    assert torch.equal(values, sorted_rows(table[..., 1].contiguous(), 5)[0])
    assert indices.shape == (4, 5)


@every_function
def test_other_types(function: Function) -> None:
    scores = torch.randn(3, 90, dtype=torch.float64)
    values, _ = function(scores, 4)
    assert torch.equal(values, scores.topk(4).values)


@every_function
def test_nan_stays_nan(function: Function) -> None:
    values, indices = function(torch.full((1, 200), nan), 3)
    assert values.isnan().all()
    assert len(set(indices[0].tolist())) == 3


@every_function
@pytest.mark.parametrize("k", [0, 6])
def test_k_is_at_most_the_number_of_columns(function: Function, k: int) -> None:
    with pytest.raises(ValueError, match=r"\[1, 5\]"):
        function(torch.zeros(2, 5), k)
