"""The classical cells, whose gates are rows of matrices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

from tests import oracles
from tests.recurrent.transcriptions.gates import gates_of

PEEPHOLES = ("input", "forget", "output")


def lstm(cell: Any, options: dict[str, Any]) -> Callable[..., oracles.Result]:
    return partial(oracles.lstm, weights=gates_of(cell))


def gru(cell: Any, options: dict[str, Any]) -> Callable[..., oracles.Result]:
    if options.get("reset") == "before":
        return partial(oracles.gru_before, weights=gates_of(cell))
    bias = cell.recurrent_bias.tolist()
    return partial(oracles.gru_after, weights=gates_of(cell), recurrent_bias=bias)


def elman(cell: Any, options: dict[str, Any]) -> Callable[..., oracles.Result]:
    return partial(oracles.elman, weights=gates_of(cell))


def original(cell: Any, options: dict[str, Any]) -> Callable[..., oracles.Result]:
    return partial(oracles.original, weights=gates_of(cell), **options)


def coupled(cell: Any, options: dict[str, Any]) -> Callable[..., oracles.Result]:
    return partial(oracles.coupled, weights=gates_of(cell))


def peephole(cell: Any, options: dict[str, Any]) -> Callable[..., oracles.Result]:
    output = {name: value for name, value in options.items() if name == "output"}
    if options.get("recurrence") == "cell":
        return partial(oracles.peephole_cell, weights=gates_that_read_the_cell(cell), **output)
    peepholes = peepholes_of(cell, PEEPHOLES)
    return partial(oracles.peephole, weights=gates_of(cell), peepholes=peepholes, **output)


def gates_that_read_the_cell(cell: Any) -> dict[str, oracles.Gate]:
    """By gate; the candidate, which is last, has no recurrent matrix."""
    recurrent = [part.tolist() for part in cell.recurrent.chunk(3)] + [[]]
    parts = (cell.input.chunk(4), recurrent, cell.bias.chunk(4))
    return {
        name: oracles.Gate(W.tolist(), U, b.tolist())
        for name, W, U, b in zip(cell.gates, *parts, strict=True)
    }


def greff(cell: Any, options: dict[str, Any]) -> Callable[..., oracles.Result]:
    looking = [name for name in PEEPHOLES if name in cell.gates] if cell.peepholes else []
    return partial(
        oracles.greff,
        weights=gates_of(cell),
        peepholes=peepholes_of(cell, looking),
        gate_recurrent=gate_recurrent_of(cell) if options["variant"] == "FGR" else None,
        **options,
    )


def peepholes_of(cell: Any, names: Any) -> dict[str, oracles.Vector]:
    """By gate."""
    if not names:
        return {}
    return dict(zip(names, cell.peephole.view(len(names), -1).tolist(), strict=True))


def gate_recurrent_of(cell: Any) -> dict[tuple[str, str], oracles.Matrix]:
    """By the gate that reads and the gate that is read."""
    size = cell.hidden_size
    return {
        (reader, read): cell.gate_recurrent[
            row * size : (row + 1) * size, column * size : (column + 1) * size
        ].tolist()
        for (row, reader), (column, read) in product(enumerate(PEEPHOLES), repeat=2)
    }


def timeaware(cell: Any, options: dict[str, Any]) -> Callable[..., oracles.Result]:
    decomposition = (cell.decomposition.tolist(), cell.decomposition_bias.tolist())
    weights = gates_of(cell)

    def run(inputs: list[oracles.Vector], state: Any) -> oracles.Result:
        features, elapsed = [x[:-1] for x in inputs], [max(x[-1], 1.0) for x in inputs]
        return oracles.timeaware(features, elapsed, state, weights, decomposition, **options)

    return run


TRANSCRIPTIONS = {
    "lstm": lstm,
    "gru": gru,
    "elman": elman,
    "lstm-1997": original,
    "peephole": peephole,
    "cifg": coupled,
    "odyssey": greff,
    "time-aware": timeaware,
}
