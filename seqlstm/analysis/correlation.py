"""Pearson correlation between the units of a model and properties of a text."""

from __future__ import annotations

import torch
from torch import Tensor


class Correlation:
    """Pearson correlation of every unit with every property, over a text of any length.

    For a property with the values 0 and 1, it is the point-biserial correlation. Only sums over all
    positions are stored, in float64. They are sums of differences from the first position, so that
    the variance of a constant is exactly 0.
    """

    def __init__(self) -> None:
        self.positions = 0

    def add(self, units: Tensor, properties: Tensor) -> None:
        """Add positions: (positions, units) and (positions, properties)."""
        x, y = units.double(), properties.double()
        if not self.positions:
            self.origin = x[0].clone(), y[0].clone()
            self.x, self.xx = x.new_zeros(2, x.shape[1])
            self.y, self.yy = y.new_zeros(2, y.shape[1])
            self.xy = x.new_zeros(x.shape[1], y.shape[1])
        x, y = x - self.origin[0], y - self.origin[1]
        self.positions += len(x)
        self.x += x.sum(0)
        self.y += y.sum(0)
        self.xx += x.square().sum(0)
        self.yy += y.square().sum(0)
        self.xy += x.t() @ y

    @property
    def values(self) -> Tensor:
        """(properties, units); NaN where the unit or the property is constant."""
        covariance = self.xy / self.positions - torch.outer(self.x, self.y) / self.positions**2
        variances = torch.outer(self.variance(self.x, self.xx), self.variance(self.y, self.yy))
        return (covariance / variances.sqrt()).t()

    def variance(self, sums: Tensor, squares: Tensor) -> Tensor:
        """The variance, from the sums of values and of their squares."""
        return (squares / self.positions - (sums / self.positions).square()).clamp(min=0)
