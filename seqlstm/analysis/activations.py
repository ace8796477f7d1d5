"""The units of a language model's state, and what they hold after each piece of a text."""

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

MATRIX = 4  # axes of a matrix for each head: batch, heads, rows, columns
SPAN = 1024  # pieces that are embedded at once


@dataclass(frozen=True)
class Unit:
    """One number of a state: of which layer, of which vector, and which. Counted from 1."""

    layer: int
    vector: str
    number: int

    def __str__(self) -> str:
        return f"{self.layer}:{self.vector}:{self.number}"


@dataclass(frozen=True)
class UnitInventory:
    """What a model's state is made of.

    Attributes:
        units: of the vectors of all layers, in the order in which `vectors` has them.
        left_out: the matrices, as "1:C".
    """

    units: list[Unit]
    left_out: list[str]

    def find(self, text: str) -> Unit:
        """The unit that LAYER:UNIT or LAYER:VECTOR:UNIT names; without a vector, of c or else h.

        Raises:
            ArgumentError: there is none; says which there are.
        """
        layer, *vector, number = text.split(":") if ":" in text else ("", text)
        there = {unit.vector: unit for unit in self.units if str(unit.layer) == layer}
        memory = next((name for name in ("c", "h") if name in there), next(iter(there), ""))
        wanted = ":".join([layer, *(vector or [memory]), number])
        for unit in self.units:
            if str(unit) == wanted:
                return unit
        last = {(unit.layer, unit.vector): unit for unit in self.units}
        ranges = ", ".join(f"{unit.layer}:{unit.vector}:1 to {unit}" for unit in last.values())
        raise ArgumentError(f"there is no unit {text}", hint=f"There are {ranges}.")


def inventory(model: LanguageModel) -> UnitInventory:
    """The units of a model: a vector a head counts as one vector, a matrix a head is left out.

    Raises:
        ArgumentError: its state has no vector.
    """
    units: list[Unit] = []
    left_out: list[str] = []
    parts = [
        (index, name)
        for index, layer in enumerate(model.stack.layers, 1)
        for name in cast(Layer, layer).state_names
    ]
    for (layer, name), part in zip(parts, leaves(model.initial_state(1)), strict=True):
        if part.dim() < MATRIX:
            units += [Unit(layer, name, number) for number in range(1, part[0].numel() + 1)]
        else:
            left_out.append(f"{layer}:{name}")
    if not units:
        raise ArgumentError("the model has no vectors in its state to look at")
    return UnitInventory(units, left_out)


def vectors(state: State) -> Tensor:
    """All vectors of a state side by side, (rows, units)."""
    return torch.cat([part.flatten(1) for part in leaves(state) if part.dim() < MATRIX], dim=1)


@torch.no_grad()
def activations(loaded: LoadedLanguageModel, ids: Tensor) -> Iterator[Tensor]:
    """What every unit holds after each step, (rows, units), for ids (rows, time).

    One step after the other: only so does every backend show the state between them.
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
