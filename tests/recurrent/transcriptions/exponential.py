"""The cells with exponential gates, whose matrices are stored by head."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from tests import oracles


def slstm(cell: Any, options: dict[str, Any]) -> Callable[..., oracles.Result]:
    forget = options.get("forget", "sigmoid")
    return partial(oracles.slstm, weights=dense_gates(cell), forget=forget)


def dense_gates(cell: Any) -> dict[str, oracles.Gate]:
    """An sLSTM's gates with R as one matrix, zero between heads."""
    parts = (
        cell.input.chunk(4),
        [torch.block_diag(*by_head) for by_head in zip(*map(by_gate, cell.recurrent), strict=True)],
        cell.bias.chunk(4),
    )
    return {
        name: oracles.Gate(*(part.tolist() for part in gate))
        for name, *gate in zip(cell.gates, *parts, strict=True)
    }


def by_gate(head: Tensor) -> tuple[Tensor, ...]:
    """One head's recurrent matrix, gate by gate."""
    return torch.chunk(head, 4)


def mlstm(cell: Any, options: dict[str, Any]) -> Callable[..., Any]:
    heads = options.get("heads", 1)
    sizes = [cell.hidden_size] * 3 + [heads] * 2 + [cell.hidden_size]
    rows = zip(torch.split(cell.input, sizes), torch.split(cell.bias, sizes), strict=True)
    names = ("q", "k", "v", "input", "forget_gate", "output")
    weights = {
        name: (matrix.tolist(), bias.tolist())
        for name, (matrix, bias) in zip(names, rows, strict=True)
    }
    forget = options.get("forget", "sigmoid")
    return partial(oracles.mlstm, **weights, heads=heads, forget=forget)


TRANSCRIPTIONS = {"slstm": slstm, "mlstm": mlstm}
