"""The cells and options of the tests of this folder, and helpers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.recurrent.catalogue import CELLS
from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.layer import Recurrent
from seqlstm.recurrent.state import State, detach, select

TIME, BATCH, WIDTH, HIDDEN = 7, 4, 8, 4
LENGTHS = [5, 7, 1, 3]


@dataclass(frozen=True)
class Case:
    """One cell with its options."""

    kind: str
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.kind, *(f"{key}={value}" for key, value in self.options.items())])

    def build(self, width: int = WIDTH, hidden: int = HIDDEN, *, seed: int = 0) -> Cell:
        """The cell in float64, random in every parameter: what is zero would hide mistakes."""
        cell = CELLS[self.kind](width, hidden, **self.options).double()
        return randomise(cell, seed=seed)


CASES = [
    Case("lstm"),
    Case("gru", {"reset": "after"}),
    Case("gru", {"reset": "before"}),
    Case("elman"),
    Case("lstm-1997"),
    Case("lstm-1997", {"squash": "1997"}),
    Case("peephole"),
    Case("peephole", {"output": "identity"}),
    Case("peephole", {"recurrence": "cell"}),
    Case("peephole", {"recurrence": "cell", "output": "identity"}),
    Case("cifg"),
    Case("odyssey", {"variant": "V"}),
    Case("odyssey", {"variant": "NIG"}),
    Case("odyssey", {"variant": "NFG"}),
    Case("odyssey", {"variant": "NOG"}),
    Case("odyssey", {"variant": "NIAF"}),
    Case("odyssey", {"variant": "NOAF"}),
    Case("odyssey", {"variant": "CIFG"}),
    Case("odyssey", {"variant": "NP"}),
    Case("odyssey", {"variant": "FGR"}),
    Case("time-aware"),
    Case("time-aware", {"decay": "inverse"}),
    Case("layer-norm"),
    Case("layer-norm", {"by_gate": True}),
    Case("mogrifier", {"rounds": 1}),
    Case("mogrifier", {"rounds": 4}),
    Case("mogrifier"),
    Case("mogrifier", {"rounds": 4, "rank": 2}),
    Case("mogrifier", {"rank": 2}),
    Case("multiplicative"),
    Case("multiplicative", {"output": "paper"}),
    Case("convolutional", {"extent": [2], "kernel": 3}),
    Case("convolutional", {"extent": [2, 2], "kernel": 3}),
    Case("slstm"),
    Case("slstm", {"heads": 2}),
    Case("slstm", {"forget": "exponential"}),
    Case("slstm", {"heads": 2, "forget": "exponential"}),
    Case("mlstm"),
    Case("mlstm", {"heads": 2}),
    Case("mlstm", {"forget": "exponential"}),
    Case("mlstm", {"heads": 2, "forget": "exponential"}),
    Case("mingru"),
    Case("mingru", {"positive": True}),
    Case("minlstm"),
    Case("minlstm", {"positive": True}),
]

every_cell = pytest.mark.parametrize("case", CASES, ids=str)
every_backend = pytest.mark.parametrize("backend", ["auto", "loop"])


def generator(seed: int) -> torch.Generator:
    """A seeded generator beside the global one."""
    return torch.Generator().manual_seed(seed)


def randomise(module: Any, *, seed: int = 0) -> Any:
    """Overwrites every parameter with normal numbers of deviation 0.6."""
    source = generator(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            values = torch.randn(parameter.shape, generator=source, dtype=torch.float64)
            parameter.copy_(0.6 * values)
    return module


def noise(*shape: int, seed: int = 1) -> Tensor:
    """Normal numbers in float64."""
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def padded() -> tuple[Tensor, Tensor]:
    """Inputs with large values at padding, and the lengths."""
    lengths = torch.tensor(LENGTHS)
    ended = torch.arange(TIME).unsqueeze(1) >= lengths
    return noise(TIME, BATCH, WIDTH).masked_fill(ended.unsqueeze(-1), 1e4), lengths


def layer_of(case: Case, *, seed: int = 0, **options: Any) -> Recurrent:
    """A layer around a case's cell."""
    return Recurrent(case.build(seed=seed), **options)


def unroll(cell: Cell, inputs: Tensor, state: State) -> tuple[Tensor, State]:
    """The definition of a recurrence: step by step."""
    outputs = []
    for projected in cell.project(inputs):
        output, state = cell.step(projected, state)
        outputs.append(output)
    return torch.stack(outputs), state


def lived_in(cell: Cell, batch: int, *, seed: int = 2) -> State:
    """The state of the cell after three random steps."""
    with torch.no_grad():
        return detach(
            unroll(cell, noise(3, batch, cell.input_size, seed=seed), cell.initial_state(batch))[1]
        )


def row_of(state: State, row: int) -> State:
    """One row's state, as a batch of one."""
    return select(state, torch.tensor([row]))


def leaves(state: State | None) -> list[Tensor]:
    """The tensors of a state, in order."""
    if state is None:
        return []
    if isinstance(state, Tensor):
        return [state]
    return [tensor for part in state for tensor in leaves(part)]


def assert_same(actual: State, expected: State, **tolerance: float) -> None:
    """Two states (or tensors) are equal up to rounding, part by part."""
    tolerance = tolerance or {"rtol": 1e-9, "atol": 1e-12}
    actual_parts, expected_parts = leaves(actual), leaves(expected)
    assert len(actual_parts) == len(expected_parts)
    for part, expected_part in zip(actual_parts, expected_parts, strict=True):
        torch.testing.assert_close(part, expected_part, **tolerance)


Run = Callable[[], tuple[Tensor, State | None]]


def gradients(run: Run, wanted: list[Tensor], *, seed: int = 5) -> tuple[Tensor, ...]:
    """Gradients of a random weighting of all outputs and last states with respect to `wanted`."""
    outputs, state = run()
    results = [outputs, *leaves(state)]
    loss = sum(
        (result * noise(*result.shape, seed=seed + index).to(result)).sum()
        for index, result in enumerate(results)
    )
    assert isinstance(loss, Tensor)
    # Zero where nothing was read, as the first h of a cell that reads its memory alone.
    return torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)
