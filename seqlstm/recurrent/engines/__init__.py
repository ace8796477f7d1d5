"""The engines, in the order in which they are asked, and the choice among them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from seqlstm.recurrent.cell import Cell
from seqlstm.recurrent.engines.chunkwise import Chunkwise
from seqlstm.recurrent.engines.compiled import Compiled
from seqlstm.recurrent.engines.engine import Call, Engine
from seqlstm.recurrent.engines.hoisted import Hoisted
from seqlstm.recurrent.engines.library import Library
from seqlstm.recurrent.engines.loop import Loop
from seqlstm.recurrent.engines.scan import Scan

__all__ = ["ENGINES", "Call", "Choice", "Engine", "choose"]

ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (Compiled(), Library(), Hoisted(), Scan(), Chunkwise(), Loop())
}


@dataclass(frozen=True)
class Choice:
    """The engine that serves, and why each before it was passed over."""

    engine: Engine
    refusals: dict[str, str]

    def __str__(self) -> str:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in self.refusals.items())
        return f"{self.engine.name} ({reasons})" if reasons else self.engine.name


def choose(cell: Cell, call: Call, wanted: str = "auto") -> Choice:
    """The first engine that does not refuse, or the one that is asked for by name.

    "auto" also passes over an engine that was measured to be slower (`Engine.slower`). A single
    step on a CPU goes by `compiled` where no gradients are wanted, else by the loop.

    Raises:
        ValueError: an unknown name, or an engine asked for by name that refuses.
    """
    if wanted != "auto" and wanted not in ENGINES:
        raise ValueError(f"engine must be one of auto, {', '.join(ENGINES)}, was: {wanted}")
    device = next(cell.parameters()).device.type
    if wanted == "auto" and call.single and device != "cuda":
        return one_step(cell, call)
    refusals: dict[str, str] = {}
    for name, engine in ENGINES.items():
        if wanted not in ("auto", name):
            continue
        refusal = engine.refusal(cell, call)
        if refusal is None and wanted == "auto":
            refusal = engine.slower(cell, call, device=device)
        if refusal is None:
            return Choice(engine, refusals)
        refusals[name] = refusal
    raise ValueError(f"the engine {wanted} cannot serve: {refusals[wanted]}")


def one_step(cell: Cell, call: Call) -> Choice:
    """The engine of a single step on a CPU: machine code, where it can keep what it prepares."""
    if torch.is_grad_enabled():
        return Choice(ENGINES["loop"], {"others": "what they prepare costs more than one step"})
    refusal = ENGINES["compiled"].refusal(cell, call)
    if refusal is None:
        return Choice(ENGINES["compiled"], {})
    return Choice(ENGINES["loop"], {"compiled": refusal})
