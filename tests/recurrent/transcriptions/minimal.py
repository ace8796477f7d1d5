"""The minimal cells, whose gates read the input alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tests import oracles


def gates_of(cell: Any) -> dict[str, oracles.Affine]:
    """Matrix and bias by gate."""
    count = len(cell.gates)
    parts = zip(cell.gates, cell.input.chunk(count), cell.bias.chunk(count), strict=True)
    return {name: (matrix.tolist(), bias.tolist()) for name, matrix, bias in parts}


def mingru(cell: Any, options: dict[str, Any]) -> Callable[..., oracles.Result]:
    return partial(oracles.mingru, **gates_of(cell), **options)


def minlstm(cell: Any, options: dict[str, Any]) -> Callable[..., oracles.Result]:
    return partial(oracles.minlstm, **gates_of(cell), **options)


TRANSCRIPTIONS = {"mingru": mingru, "minlstm": minlstm}
