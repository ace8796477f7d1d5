"""A gated cell's parameters in the form that the scalar transcriptions read."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from tests import oracles


def gates_of(cell: Any) -> dict[str, oracles.Gate]:
    """A gated cell's parameters as lists, by gate."""
    parts = (by_gate(cell, part) for part in (cell.input, cell.recurrent, cell.bias))
    return {
        name: oracles.Gate(*(part.tolist() for part in gate))
        for name, *gate in zip(cell.gates, *parts, strict=True)
    }


def by_gate(cell: Any, parameter: Tensor) -> tuple[Tensor, ...]:
    """The rows of each gate, in the cell's own order."""
    return parameter.chunk(len(cell.gates))
