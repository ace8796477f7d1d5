"""The stacks of the tests of this folder."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.recurrent.catalogue import CELLS
from seqlstm.recurrent.layer import Recurrent
from seqlstm.recurrent.stack import Stack
from seqlstm.recurrent.state import detach
from tests.recurrent.cases import BATCH, TIME, Case, noise, randomise

WIDTH, HIDDEN = 6, 6
LSTM = Case("lstm")

SHAPES: list[dict[str, Any]] = [
    {},
    {"num_layers": 1},
    {"input_size": 3},
    {"connection": "residual"},
    {"connection": "highway"},
    {"connection": "highway", "input_size": 3},
    {"hidden_size": [5, 4, HIDDEN], "connection": "residual"},
    {"bidirectional": True},
    {"bidirectional": True, "connection": "residual"},
]


def shown(options: dict[str, Any]) -> str:
    return "-".join(f"{key}={value}" for key, value in options.items()) or "plain"


every_shape = pytest.mark.parametrize("options", SHAPES, ids=shown)
one_way = pytest.mark.parametrize(
    "options", [shape for shape in SHAPES if "bidirectional" not in shape], ids=shown
)


def stack_of(case: Case = LSTM, **options: Any) -> Stack:
    """Three layers in float64, random in every parameter."""
    sizes = {"input_size": WIDTH, "hidden_size": HIDDEN, "num_layers": 3}
    cell = partial(CELLS[case.kind], **case.options)
    return randomise(Stack(cell, **{**sizes, **options}).double())


def inputs_for(stack: Stack) -> Tensor:
    """Inputs as wide as the first cell reads."""
    first = next(module for module in stack.modules() if isinstance(module, Recurrent))
    return noise(TIME, BATCH, first.cell.input_size)


def lived_in(stack: Stack) -> Any:
    """The state after a few random inputs."""
    with torch.no_grad():
        return detach(stack(2 * inputs_for(stack))[1])
