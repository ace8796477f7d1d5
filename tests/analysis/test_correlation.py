"""Correlations, compared with numpy and scipy."""

from __future__ import annotations

import math

import numpy
import pytest
import torch
from scipy import stats

from seqlstm.analysis.correlation import Correlation
from tests.recurrent.cases import noise


def correlated(units: torch.Tensor, properties: torch.Tensor, *, parts: int) -> torch.Tensor:
    correlation = Correlation()
    for unit_part, property_part in zip(units.chunk(parts), properties.chunk(parts), strict=True):
        correlation.add(unit_part, property_part)
    assert correlation.positions == len(units)
    return correlation.values


@pytest.mark.parametrize("parts", [1, 7])
def test_it_equals_pearsons_correlation(parts: int) -> None:
    units, properties = 3 * noise(50, 6) + 1e3, noise(50, 3, seed=2)
    properties[:, 0] = (units[:, 4] > 1e3).double()
    values = correlated(units, properties, parts=parts)
    expected = numpy.corrcoef(units.t(), properties.t())[6:, :6]
    numpy.testing.assert_allclose(values, expected, rtol=1e-9)
    biserial = stats.pointbiserialr(properties[:, 0].bool().numpy(), units[:, 4].numpy())
    assert float(values[0, 4]) == pytest.approx(biserial.statistic)
    assert biserial.statistic > 0.7


def test_a_planted_unit_is_one_or_minus_one() -> None:
    properties = noise(40, 2).float()
    units = torch.stack([5 - 2 * properties[:, 1], noise(40, seed=3).float()], dim=1)
    values = correlated(units, properties, parts=3)
    assert float(values[1, 0]) == pytest.approx(-1)
    assert float(values[:, 1].abs().max()) < 0.5


def test_constants_have_no_correlation() -> None:
    units = torch.stack([torch.full((9,), 0.1), torch.arange(9.0)], dim=1)
    properties = torch.stack([torch.full((9,), 0.7), torch.arange(9.0)], dim=1)
    values = correlated(units, properties, parts=2)
    assert float(values[1, 1]) == pytest.approx(1)
    assert [math.isnan(value) for value in values.flatten().tolist()] == [True, True, True, False]
