"""The linear recurrence h_t = a_t ∘ h_{t-1} + b_t of the minimal cells."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqlstm.recurrent.backends.base import Backend, Call
from seqlstm.recurrent.cells.base import Cell, LinearCell
from seqlstm.recurrent.state import State


class ScanBackend(Backend):
    """Computes a and b for all steps at once; a step is then one operation."""

    name = "scan"

    def unsupported_reason(self, cell: Cell, call: Call) -> str | None:
        if isinstance(cell, LinearCell) and type(cell).step is LinearCell.step:
            return None
        return f"{type(cell).__name__} is not linear in its state"

    def run(
        self,
        cell: Cell,
        inputs: Tensor,
        state: State,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        assert isinstance(cell, LinearCell)
        (h,) = state
        a, b = (part.to(h.dtype) for part in cell.coefficients(cell.project(inputs)))
        if resets is not None:
            # Multiplying by zero is a reset: the initial state of every linear cell is zero.
            a = a.masked_fill(resets.unsqueeze(-1), 0.0)
        if lengths is not None:
            time = torch.arange(len(inputs), device=lengths.device).unsqueeze(1)
            ended = (time >= lengths).unsqueeze(-1)
            a, b = a.masked_fill(ended, 1.0), b.masked_fill(ended, 0.0)
        outputs = LinearRecurrence.apply(a, b, h)  # type: ignore[no-untyped-call]
        return outputs, (outputs[-1].clone(),)  # a state must not keep all outputs alive


class LinearRecurrence(torch.autograd.Function):
    """All h_t, from a_t and b_t, (time, batch, hidden), and h_0, (batch, hidden)."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, initial: Tensor) -> Tensor:
        outputs = torch.empty_like(b)
        h = initial
        for a_t, b_t, output in zip(a, b, outputs, strict=True):
            h = torch.addcmul(b_t, a_t, h, out=output)
        ctx.save_for_backward(a, initial, outputs)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a, initial, outputs = ctx.saved_tensors
        d_b = torch.empty_like(d_outputs)
        d_h = torch.zeros_like(initial)
        for time in reversed(range(len(a))):
            torch.add(d_outputs[time], d_h, out=d_b[time])
            d_h = a[time] * d_b[time]
        d_a = torch.empty_like(a)
        torch.mul(d_b[0], initial, out=d_a[0])
        torch.mul(d_b[1:], outputs[:-1], out=d_a[1:])
        return d_a, d_b, d_h
