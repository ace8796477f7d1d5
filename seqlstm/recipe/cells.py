"""The cells that a recipe can name: papers, options, sizes, and the backend of each."""

from __future__ import annotations

import inspect
import json
import math
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class CellInfo:
    """A cell at a size, or why it cannot have that size.

    Attributes:
        kind: its name in a recipe.
        paper: who wrote it.
        year: when.
        options: by name, what it may be, the default first; nothing for one that must be given.
        parameters: how many.
        backends: by name, as they are asked, why it is not taken here; empty if it can be.
        needs: what no model of text can give it, so that only Python can use it.
        problem: why it cannot have the size.
    """

    kind: str
    paper: str
    year: int
    options: dict[str, list[Any]]
    parameters: int | None = None
    backends: dict[str, str] | None = None
    needs: str = ""
    problem: str = ""

    @property
    def backend(self) -> str:
        """The one that is taken."""
        return next((name for name, reason in (self.backends or {}).items() if not reason), "—")

    @property
    def remark(self) -> str:
        """Why no model can have it, or why a backend that was asked before is not taken."""
        if self.problem or self.needs:
            return self.problem or f"not for text: needs {self.needs}"
        reasons = self.backends or {}
        return reasons["manual-bptt" if self.backend == "loop" else next(iter(reasons))]

    @property
    def said(self) -> dict[str, str]:
        """The options as a recipe writes them."""
        return {
            name: " | ".join(json.dumps(value) for value in values) or "…, required"
            for name, values in self.options.items()
        }


def describe(kind: str, input_size: int, hidden_size: int) -> CellInfo:
    """A cell of a recipe, or the first of a stack's blocks, built without memory."""
    import torch

    from seqlstm.recurrent.backends import BACKENDS, Call
    from seqlstm.recurrent.catalogue import BLOCKS, CELLS
    from seqlstm.recurrent.cells.base import Cell
    from seqlstm.runtime.device import choose_device, choose_precision

    make = {**CELLS, **BLOCKS}[kind]
    made = parts(make)[0]
    known: dict[str, Any] = {"paper": made.paper, "year": made.year, "options": options_of(make)}
    given: dict[str, Any] = {}
    if kind == "convolutional":
        given = {"extent": [math.gcd(16, input_size, hidden_size)]}
    device = choose_device("auto")

    def build(width: int, hidden: int) -> Any:
        return BLOCKS[kind](0, hidden) if kind in BLOCKS else make(width, hidden, **given)

    try:
        with torch.device("meta"):
            layer = build(input_size, hidden_size)
    except ValueError as error:
        return CellInfo(kind, **known, problem=str(error))
    # A small one says which backends serve, and takes up no memory to speak of.
    small = build(16, 16).to(device)
    cell = next(module for module in small.modules() if isinstance(module, Cell))
    with choose_precision("auto", device).autocast():
        backends = {
            name: one.unsupported_reason(cell, Call())
            or one.not_preferred_reason(cell, Call(), device=device.type)
            or ""
            for name, one in BACKENDS.items()
        }
    return CellInfo(
        kind,
        **known,
        parameters=sum(parameter.numel() for parameter in layer.parameters()),
        backends=backends,
        needs=cell.required_input,
    )


def parts(make: Any) -> list[Any]:
    """The classes of which a constructor makes one."""
    if inspect.isclass(make):
        return [make]
    made = get_type_hints(make)["return"]
    return list(get_args(made)) or [made]


def options_of(make: Any) -> dict[str, list[Any]]:
    """By name, what an option may be, its default first."""
    from seqlstm.config.components import keywords, type_hints

    signature, types = inspect.signature(make).parameters, type_hints(make)
    options = {}
    for name in keywords(make):
        default, expected = signature[name].default, types[name]
        words = get_args(expected) if get_origin(expected) is Literal else ()
        values = [default, *(word for word in words if word != default)]
        options[name] = [value for value in values if value is not inspect.Parameter.empty]
    return options
