"""Connections between a layer's input x and its output H(x): plain, residual, highway."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from seqlstm.nn.dropout import Dropout
from seqlstm.nn.linear import Linear

Connection = Literal["plain", "residual", "highway"]


class PlainConnection(nn.Module):
    """y = H(x)."""

    def forward(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        return outputs


class ResidualConnection(nn.Module):
    """y = H(x) + x (He et al., 2016)."""

    def forward(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        return at_least_float32(inputs) + outputs


class HighwayConnection(nn.Module):
    """y = T(x) ∘ H(x) + (1 − T(x)) ∘ x (Srivastava, Greff & Schmidhuber, 2015).

    The bias of the transform gate T starts at −1, so that a new deep stack mostly copies its input.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.transform = Linear(width, width)
        nn.init.constant_(self.transform.bias, -1.0)

    def forward(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        gate: Tensor = self.transform(inputs).sigmoid()
        return gate * outputs + (1 - gate) * at_least_float32(inputs)


class ResidualDropout(nn.Module):
    """y = x + D(H(x)): dropout on the branch of a residual block."""

    def __init__(self, dropout: Dropout) -> None:
        super().__init__()
        self.dropout = dropout

    def forward(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        branch: Tensor = self.dropout(at_least_float32(outputs))
        return inputs + branch


def at_least_float32(values: Tensor) -> Tensor:
    """Cast to float32, or leave float64: a residual stream is a sum over many layers."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def make_connection(connection: Connection, width: int) -> nn.Module:
    """The module that joins a layer's input with its output."""
    if connection == "plain":
        return PlainConnection()
    if connection == "residual":
        return ResidualConnection()
    if connection == "highway":
        return HighwayConnection(width)
    raise ValueError(f"connection must be plain, residual or highway, was: {connection}")
