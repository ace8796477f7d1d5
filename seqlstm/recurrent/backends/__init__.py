"""The backends, fastest first, and the choice of one for a call."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from seqlstm.recurrent.backends.base import Backend, BackendError, Call
from seqlstm.recurrent.backends.chunkwise import ChunkwiseBackend
from seqlstm.recurrent.backends.loop import LoopBackend
from seqlstm.recurrent.backends.manual_bptt import ManualBPTT
from seqlstm.recurrent.backends.native.backend import NativeBackend
from seqlstm.recurrent.backends.scan import ScanBackend
from seqlstm.recurrent.backends.torch_fused import TorchFused
from seqlstm.recurrent.cells.base import Cell

__all__ = ["BACKENDS", "Backend", "BackendChoice", "BackendError", "Call", "choose"]

BACKENDS: dict[str, Backend] = {
    backend.name: backend
    for backend in (
        NativeBackend(),
        TorchFused(),
        ManualBPTT(),
        ScanBackend(),
        ChunkwiseBackend(),
        LoopBackend(),
    )
}


@dataclass(frozen=True)
class BackendChoice:
    """The backend for a call.

    Attributes:
        backend: the chosen one.
        reasons: why each faster backend was not chosen, by its name.
    """

    backend: Backend
    reasons: dict[str, str]

    def __str__(self) -> str:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in self.reasons.items())
        return f"{self.backend.name} ({reasons})" if reasons else self.backend.name


def choose(cell: Cell, call: Call, name: str = "auto") -> BackendChoice:
    """The backend of this name; with "auto", the first that supports the cell and the call.

    "auto" also skips a backend that was measured to be slower (`Backend.not_preferred_reason`). On
    a CPU it runs a single step on `native` without gradients, and on `loop` with gradients.

    Raises:
        ValueError: an unknown name, or the backend of this name does not support the call.
    """
    if name == "auto":
        return choose_automatically(cell, call)
    if name not in BACKENDS:
        raise ValueError(f"backend must be one of auto, {', '.join(BACKENDS)}, was: {name}")
    reason = BACKENDS[name].unsupported_reason(cell, call)
    if reason is not None:
        raise ValueError(f"the backend {name} cannot serve: {reason}")
    return BackendChoice(BACKENDS[name], {})


def choose_automatically(cell: Cell, call: Call) -> BackendChoice:
    """The fastest backend that supports the cell and the call; `loop` supports all."""
    device = next(cell.parameters()).device.type
    if call.single_step and device != "cuda":
        return choose_for_one_step(cell, call)
    reasons: dict[str, str] = {}
    for name, backend in BACKENDS.items():
        reason = backend.unsupported_reason(cell, call)
        if reason is None:
            reason = backend.not_preferred_reason(cell, call, device=device)
        if reason is None:
            return BackendChoice(backend, reasons)
        reasons[name] = reason
    raise AssertionError("loop supports every call")


def choose_for_one_step(cell: Cell, call: Call) -> BackendChoice:
    """The backend of a single step on a CPU: `native`, where packed matrices can be cached."""
    if torch.is_grad_enabled():
        return BackendChoice(
            BACKENDS["loop"], {"others": "what they prepare costs more than one step"}
        )
    reason = BACKENDS["native"].unsupported_reason(cell, call)
    if reason is None:
        return BackendChoice(BACKENDS["native"], {})
    return BackendChoice(BACKENDS["loop"], {"native": reason})
