"""The backends, fastest first, and the choice among them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from seqlstm.recurrent.backends.base import Backend, Call
from seqlstm.recurrent.backends.chunkwise import ChunkwiseBackend
from seqlstm.recurrent.backends.loop import LoopBackend
from seqlstm.recurrent.backends.manual_bptt import ManualBPTT
from seqlstm.recurrent.backends.native.backend import NativeBackend
from seqlstm.recurrent.backends.scan import ScanBackend
from seqlstm.recurrent.backends.torch_fused import TorchFused
from seqlstm.recurrent.cells.base import Cell

__all__ = ["BACKENDS", "Backend", "BackendChoice", "Call", "choose"]

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
    """The chosen backend, and the reason why each before it refuses."""

    backend: Backend
    refusals: dict[str, str]

    def __str__(self) -> str:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in self.refusals.items())
        return f"{self.backend.name} ({reasons})" if reasons else self.backend.name


def choose(cell: Cell, call: Call, wanted: str = "auto") -> BackendChoice:
    """The first backend that does not refuse, or the backend named by `wanted`.

    "auto" also passes over a backend that was measured to be slower
    (`Backend.not_preferred_reason`). A single step on a CPU runs on `native` where no gradients are
    wanted, else on `loop`.

    Raises:
        ValueError: an unknown name, or a backend chosen by name that refuses.
    """
    if wanted != "auto" and wanted not in BACKENDS:
        raise ValueError(f"backend must be one of auto, {', '.join(BACKENDS)}, was: {wanted}")
    device = next(cell.parameters()).device.type
    if wanted == "auto" and call.single and device != "cuda":
        return choose_for_one_step(cell, call)
    refusals: dict[str, str] = {}
    for name, backend in BACKENDS.items():
        if wanted not in ("auto", name):
            continue
        refusal = backend.unsupported_reason(cell, call)
        if refusal is None and wanted == "auto":
            refusal = backend.not_preferred_reason(cell, call, device=device)
        if refusal is None:
            return BackendChoice(backend, refusals)
        refusals[name] = refusal
    raise ValueError(f"the backend {wanted} cannot serve: {refusals[wanted]}")


def choose_for_one_step(cell: Cell, call: Call) -> BackendChoice:
    """The backend of a single step on a CPU: machine code, where it can keep what it prepares."""
    if torch.is_grad_enabled():
        return BackendChoice(
            BACKENDS["loop"], {"others": "what they prepare costs more than one step"}
        )
    refusal = BACKENDS["native"].unsupported_reason(cell, call)
    if refusal is None:
        return BackendChoice(BACKENDS["native"], {})
    return BackendChoice(BACKENDS["loop"], {"native": refusal})
