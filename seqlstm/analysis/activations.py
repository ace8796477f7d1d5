"""The units of a language model's state, and their activations along a text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from seqlstm.errors import ArgumentError
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.models.language_model import LanguageModel
from seqlstm.recurrent.layer import Layer
from seqlstm.recurrent.state import State, leaves

MATRIX_DIMENSIONS = 4  # batch, heads, rows, columns
SPAN = 1024  # pieces that are embedded in one call


@dataclass(frozen=True)
class Unit:
    """A unit: one number in a vector of a layer's state. Layers and numbers are counted from 1."""

    layer: int
    vector: str
    number: int

    def __str__(self) -> str:
        return f"{self.layer}:{self.vector}:{self.number}"


@dataclass(frozen=True)
class UnitInventory:
    """The units of a model's state.

    Attributes:
        units: of the vectors of all layers, in the order of `vectors`.
        left_out: names of the matrices, such as "1:C".
    """

    units: list[Unit]
    left_out: list[str]

    def find(self, text: str) -> Unit:
        """The unit named LAYER:UNIT or LAYER:VECTOR:UNIT; the default vector is c, or h without c.

        Raises:
            ArgumentError: there is no such unit; the hint lists the units.
        """
        layer, *vector, number = text.split(":") if ":" in text else ("", text)
        names = list(dict.fromkeys(u.vector for u in self.units if str(u.layer) == layer))
        default = next((name for name in ("c", "h") if name in names), next(iter(names), ""))
        full_name = ":".join([layer, *(vector or [default]), number])
        for unit in self.units:
            if str(unit) == full_name:
                return unit
        last = {(unit.layer, unit.vector): unit for unit in self.units}
        ranges = ", ".join(f"{unit.layer}:{unit.vector}:1 to {unit}" for unit in last.values())
        raise ArgumentError(f"there is no unit {text}", hint=f"There are {ranges}.")


def inventory(model: LanguageModel) -> UnitInventory:
    """The units of a model. The vectors of all heads form one vector; matrices are left out.

    Raises:
        ArgumentError: the model's state has no vector.
    """
    units: list[Unit] = []
    left_out: list[str] = []
    parts = [
        (index, name)
        for index, layer in enumerate(model.stack.layers, 1)
        for name in cast(Layer, layer).state_names
    ]
    for (layer, name), part in zip(parts, leaves(model.initial_state(1)), strict=True):
        if part.dim() < MATRIX_DIMENSIONS:
            units += [Unit(layer, name, number) for number in range(1, part[0].numel() + 1)]
        else:
            left_out.append(f"{layer}:{name}")
    if not units:
        raise ArgumentError("the model has no vectors in its state to look at")
    return UnitInventory(units, left_out)


def vectors(state: State) -> Tensor:
    """All vectors of a state, concatenated: (rows, units)."""
    return torch.cat(
        [part.flatten(1) for part in leaves(state) if part.dim() < MATRIX_DIMENSIONS], dim=1
    )


@torch.no_grad()
def activations(loaded: LoadedLanguageModel, ids: Tensor) -> Iterator[Tensor]:
    """The activation of every unit after each step, (rows, units), for ids (rows, time).

    The model runs step by step, because backends return only the last state of a sequence.
    """
    model = loaded.model
    state = model.initial_state(len(ids))
    for span in torch.split(ids.to(loaded.precision.device), SPAN, dim=1):
        with loaded.precision.autocast():
            features = model.embedding(span)
        for step in torch.split(features, 1):
            with loaded.precision.autocast():
                _, after = model.stack(step, state)
            assert after is not None
            state = after
            yield vectors(state)
