"""Chunkwise mLSTM: matrix products inside a chunk of steps, a recurrence between chunks."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from seqlstm.recurrent.backends.base import Backend, Call
from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.cells.exponential_gating import finite_stabilizer
from seqlstm.recurrent.cells.mlstm import Entries, MatrixMemory, retrieve
from seqlstm.recurrent.state import State

CHUNK = 64  # steps


class ChunkwiseBackend(Backend):
    """Inside a chunk every step looks back at all others, as attention does; between, a state.

    Args:
        chunk: steps of a chunk. One as long as the sequence is the parallel form.
    """

    name = "chunkwise"

    def __init__(self, chunk: int = CHUNK) -> None:
        self.chunk = chunk

    def unsupported_reason(self, cell: Cell, call: Call) -> str | None:
        if isinstance(cell, MatrixMemory) and type(cell).step is MatrixMemory.step:
            return None
        return f"{type(cell).__name__} has no matrix memory that it alone writes"

    def run(
        self,
        cell: Cell,
        inputs: Tensor,
        state: State,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        assert isinstance(cell, MatrixMemory)
        projected = cell.project(inputs)
        entries = cell.entries(projected)
        if lengths is not None:
            entries, resets = without_padding(entries, lengths, resets)
        outputs = []
        with exact_products(inputs.device.type):
            for start in range(0, len(inputs), self.chunk):
                span = slice(start, start + self.chunk)
                begins = None if resets is None else resets[span]
                retrieved, state = read_chunk(turn(entries, span), state, begins)
                outputs.append(retrieved)
        return cell.emit(projected, torch.cat(outputs)), state


def exact_products(device: str) -> AbstractContextManager[None]:
    """No autocast: rounding |nᵀ q| would take it to the other side of its bound."""
    if torch.amp.is_autocast_available(device):
        return torch.autocast(device, enabled=False)
    return nullcontext()


def without_padding(
    entries: Entries, lengths: Tensor, resets: Tensor | None
) -> tuple[Entries, Tensor | None]:
    """Beyond a row's end nothing is stored, nothing forgotten, and no reset happens."""
    time = torch.arange(len(entries.i), device=lengths.device).unsqueeze(1)
    ended = time >= lengths  # (time, batch)
    i = entries.i.masked_fill(ended.unsqueeze(-1), -torch.inf)
    log_f = entries.log_f.masked_fill(ended.unsqueeze(-1), 0.0)
    kept = Entries(entries.q, entries.k, entries.v, i, log_f)
    return kept, None if resets is None else resets & ~ended


def turn(entries: Entries, span: slice) -> Entries:
    """A span of (time, batch, heads, ...) as (batch, heads, time, ...)."""
    q, k, v = (part[span].permute(1, 2, 0, 3) for part in (entries.q, entries.k, entries.v))
    i, log_f = (part[span].permute(1, 2, 0) for part in (entries.i, entries.log_f))
    return Entries(q, k, v, i, log_f)


def read_chunk(entries: Entries, state: State, resets: Tensor | None) -> tuple[Tensor, State]:
    """What the steps of a chunk retrieve, (time, batch, heads, units), and the state after it.

    The scale m of each step is the same as step by step: the recursion m_t = max(log f + m_{t-1},
    ĩ), written out, is the largest of all exponents that t looks back at.
    """
    C, n, m = state
    q, k, v = entries.q, entries.k, entries.v
    exponents, of_state = look_back(entries, m, resets)
    m = torch.maximum(exponents.amax(-1), of_state)  # (batch, heads, time)
    weights = (exponents - finite_stabilizer(m).unsqueeze(-1)).exp()
    kept = (of_state - finite_stabilizer(m)).exp().unsqueeze(-1)

    scores = weights * (q @ k.mT)
    found = scores @ v + kept * (q @ C.mT)
    norm = scores.sum(-1) + (kept * q @ n.unsqueeze(-1)).squeeze(-1)
    retrieved = retrieve(found, norm, m)

    last, left = weights[..., -1, :].unsqueeze(-1), kept[..., -1, :]
    C = left.unsqueeze(-1) * C + (last * v).mT @ k
    n = left * n + (last * k).sum(-2)
    return retrieved.permute(2, 0, 1, 3), (C, n, m[..., -1].clone())


def look_back(entries: Entries, m: Tensor, resets: Tensor | None) -> tuple[Tensor, Tensor]:
    """The exponents with which each step sees the others, and with which it sees the state.

    Returns:
        (batch, heads, time, time): log of all that was forgotten since, plus ĩ; −∞ for what comes
        later, or lies before a reset. And (batch, heads, time), which includes the state's scale.
    """
    forgotten = entries.log_f.cumsum(-1)
    exponents = forgotten.unsqueeze(-1) + (entries.i - forgotten).unsqueeze(-2)
    of_state = forgotten + m.unsqueeze(-1)
    steps = forgotten.shape[-1]
    hidden = torch.ones(steps, steps, dtype=torch.bool, device=m.device).triu(1)
    if resets is not None:
        since = resets.t().cumsum(-1).unsqueeze(1)  # (batch, 1, time): resets so far
        hidden = hidden | (since.unsqueeze(-1) != since.unsqueeze(-2))
        of_state = of_state.masked_fill(since > 0, -torch.inf)
    return exponents.masked_fill(hidden, -torch.inf), of_state
