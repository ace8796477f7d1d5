"""The cells of the catalogue: papers, options, parameters and backends."""

from __future__ import annotations

import inspect
import json
import math
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class CellInfo:
    """A cell with sizes.

    Attributes:
        kind: its name in a recipe.
        paper: authors of its paper.
        year: of the paper.
        options: values of each option, the default first; no values for a required option.
        parameters: number of parameters.
        backends: by name, in order of preference, the reason against each; "" if it can be used.
        needs: an input that models of text do not have, so that only Python code can use the cell.
        problem: the reason why the cell cannot have these sizes.
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
        """The backend that is used."""
        return next((name for name, reason in (self.backends or {}).items() if not reason), "—")

    @property
    def remark(self) -> str:
        """Why no recipe can use the cell, or why a preferred backend is not used."""
        if self.problem or self.needs:
            return self.problem or f"not for text: needs {self.needs}"
        reasons = self.backends or {}
        return reasons["manual-bptt" if self.backend == "loop" else next(iter(reasons))]

    @property
    def option_texts(self) -> dict[str, str]:
        """The values of each option, as a recipe writes them."""
        return {
            name: " | ".join(json.dumps(value) for value in values) or "…, required"
            for name, values in self.options.items()
        }


def describe(kind: str, input_size: int, hidden_size: int) -> CellInfo:
    """A cell, or the first block of a stack of residual blocks, built on the meta device."""
    import torch

    from seqlstm.recurrent.backends import BACKENDS, Call
    from seqlstm.recurrent.catalogue import BLOCKS, CELLS
    from seqlstm.recurrent.cells.base import Cell
    from seqlstm.runtime.device import choose_device, choose_precision

    constructor = {**CELLS, **BLOCKS}[kind]
    part = parts(constructor)[0]
    common: dict[str, Any] = {
        "paper": part.paper,
        "year": part.year,
        "options": options_of(constructor),
    }
    required: dict[str, Any] = {}
    if kind == "convolutional":
        required = {"extent": [math.gcd(16, input_size, hidden_size)]}
    device = choose_device("auto")

    def build(input_size: int, hidden_size: int) -> Any:
        if kind in BLOCKS:
            return BLOCKS[kind](0, hidden_size)
        return constructor(input_size, hidden_size, **required)

    try:
        with torch.device("meta"):
            layer = build(input_size, hidden_size)
    except ValueError as error:
        return CellInfo(kind, **common, problem=str(error))
    # Backends are chosen for a small cell on the real device, to save memory.
    small = build(16, 16).to(device)
    cell = next(module for module in small.modules() if isinstance(module, Cell))
    with choose_precision("auto", device).autocast():
        backends = {
            name: backend.unsupported_reason(cell, Call())
            or backend.not_preferred_reason(cell, Call(), device=device.type)
            or ""
            for name, backend in BACKENDS.items()
        }
    return CellInfo(
        kind,
        **common,
        parameters=sum(parameter.numel() for parameter in layer.parameters()),
        backends=backends,
        needs=cell.required_input,
    )


def parts(constructor: Any) -> list[Any]:
    """The classes that a constructor can return an instance of."""
    if inspect.isclass(constructor):
        return [constructor]
    returned = get_type_hints(constructor)["return"]
    return list(get_args(returned)) or [returned]


def options_of(constructor: Any) -> dict[str, list[Any]]:
    """The values of each option of a constructor, the default first."""
    from seqlstm.config.components import keywords, type_hints

    parameters, types = inspect.signature(constructor).parameters, type_hints(constructor)
    options = {}
    for name in keywords(constructor):
        default, expected = parameters[name].default, types[name]
        choices = get_args(expected) if get_origin(expected) is Literal else ()
        values = [default, *(choice for choice in choices if choice != default)]
        options[name] = [value for value in values if value is not inspect.Parameter.empty]
    return options
