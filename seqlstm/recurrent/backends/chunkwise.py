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
    """mLSTM by chunks: as attention inside a chunk, as a recurrence from chunk to chunk.

    Args:
        chunk: steps of a chunk. With a single chunk this is the parallel form.
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
            entries, resets = mask_padding(entries, lengths, resets)
        outputs = []
        with without_autocast(inputs.device.type):
            for start in range(0, len(inputs), self.chunk):
                span = slice(start, start + self.chunk)
                chunk_resets = None if resets is None else resets[span]
                retrieved, state = run_chunk(heads_first(entries, span), state, chunk_resets)
                outputs.append(retrieved)
        return cell.output(projected, torch.cat(outputs)), state


def without_autocast(device: str) -> AbstractContextManager[None]:
    """Disable autocast: a rounded |nᵀ q| could fall on the other side of its lower bound."""
    if torch.amp.is_autocast_available(device):
        return torch.autocast(device, enabled=False)
    return nullcontext()


def mask_padding(
    entries: Entries, lengths: Tensor, resets: Tensor | None
) -> tuple[Entries, Tensor | None]:
    """Change padded steps so that they store nothing, forget nothing and reset nothing."""
    time = torch.arange(len(entries.i), device=lengths.device).unsqueeze(1)
    ended = time >= lengths  # (time, batch)
    i = entries.i.masked_fill(ended.unsqueeze(-1), -torch.inf)
    log_f = entries.log_f.masked_fill(ended.unsqueeze(-1), 0.0)
    masked = Entries(entries.q, entries.k, entries.v, i, log_f)
    return masked, None if resets is None else resets & ~ended


def heads_first(entries: Entries, span: slice) -> Entries:
    """A span of (time, batch, heads, ...) as (batch, heads, time, ...)."""
    q, k, v = (part[span].permute(1, 2, 0, 3) for part in (entries.q, entries.k, entries.v))
    i, log_f = (part[span].permute(1, 2, 0) for part in (entries.i, entries.log_f))
    return Entries(q, k, v, i, log_f)


def run_chunk(entries: Entries, state: State, resets: Tensor | None) -> tuple[Tensor, State]:
    """The values that a chunk retrieves, (time, batch, heads, units), and the state after it.

    The stabilizer m of each step is the same as in `loop`: m_t = max(log f + m_{t-1}, ĩ), written
    out, is the maximum over the exponents of all earlier steps and of the state.
    """
    C, n, m = state
    q, k, v = entries.q, entries.k, entries.v
    exponents, state_exponents = weight_exponents(entries, m, resets)
    m = torch.maximum(exponents.amax(-1), state_exponents)  # (batch, heads, time)
    weights = (exponents - finite_stabilizer(m).unsqueeze(-1)).exp()
    state_weights = (state_exponents - finite_stabilizer(m)).exp().unsqueeze(-1)

    scores = weights * (q @ k.mT)
    numerator = scores @ v + state_weights * (q @ C.mT)
    norm = scores.sum(-1) + (state_weights * q @ n.unsqueeze(-1)).squeeze(-1)
    retrieved = retrieve(numerator, norm, m)

    # The state after the chunk has the weights of the last step.
    last, state_last = weights[..., -1, :].unsqueeze(-1), state_weights[..., -1, :]
    C = state_last.unsqueeze(-1) * C + (last * v).mT @ k
    n = state_last * n + (last * k).sum(-2)
    return retrieved.permute(2, 0, 1, 3), (C, n, m[..., -1].clone())


def weight_exponents(entries: Entries, m: Tensor, resets: Tensor | None) -> tuple[Tensor, Tensor]:
    """Logarithms of the weights that a step gives to the steps of its chunk and to the state.

    Returns:
        For each step and each earlier one, (batch, heads, time, time), the sum of log f between
        them plus ĩ; −∞ for later steps and across a reset. For each step and the state before the
        chunk, (batch, heads, time), the sum of log f plus the state's m.
    """
    log_f_sum = entries.log_f.cumsum(-1)
    exponents = log_f_sum.unsqueeze(-1) + (entries.i - log_f_sum).unsqueeze(-2)
    state_exponents = log_f_sum + m.unsqueeze(-1)
    steps = log_f_sum.shape[-1]
    masked = torch.ones(steps, steps, dtype=torch.bool, device=m.device).triu(1)
    if resets is not None:
        segment = resets.t().cumsum(-1).unsqueeze(1)  # (batch, 1, time): number of resets so far
        masked = masked | (segment.unsqueeze(-1) != segment.unsqueeze(-2))
        state_exponents = state_exponents.masked_fill(segment > 0, -torch.inf)
    return exponents.masked_fill(masked, -torch.inf), state_exponents
