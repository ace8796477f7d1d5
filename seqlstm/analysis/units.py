"""Which units follow what (Karpathy, Johnson & Fei-Fei, 2015: "Visualizing and understanding
recurrent networks")."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqlstm.analysis.activations import Unit, activations, inventory
from seqlstm.analysis.annotated_text import AnnotatedText, annotate, annotate_rows
from seqlstm.analysis.correlation import Correlation
from seqlstm.errors import ArgumentError, DataError
from seqlstm.inference.language_model import LoadedLanguageModel

STREAMS = 32  # parts of a text that are read side by side
WARM = 256  # pieces that each part reads before the first that counts
FEWEST = 100  # pieces of a text in which units can be looked for


@dataclass(frozen=True)
class UnitCorrelation:
    """A unit, and how closely it follows a property.

    Attributes:
        property: its name.
        unit: which.
        correlation: Pearson's, in the half of the text by which units are ranked.
        held_out: that in the other half, which had no say.
    """

    property: str
    unit: Unit
    correlation: float
    held_out: float


@dataclass(frozen=True)
class Survey:
    """How closely every unit follows every property in a text.

    Attributes:
        properties: their names.
        units: all of them.
        left_out: matrices of the state, which were not looked at.
        positions: pieces in the half by which units are ranked, and in the other.
        correlations: in the one half, (properties, units); NaN where either is constant.
        held_out: in the other.
    """

    properties: Sequence[str]
    units: Sequence[Unit]
    left_out: Sequence[str]
    positions: tuple[int, int]
    correlations: Tensor
    held_out: Tensor

    def best(self, name: str, count: int) -> list[UnitCorrelation]:
        """The units that follow a property most closely, whatever the sign; none if it is
        constant."""
        strength = self.correlations[self.properties.index(name)].abs().nan_to_num(-1.0)
        order = strength.argsort(descending=True, stable=True)[:count].tolist()
        return [self.follower(name, place) for place in order if strength[place] >= 0]

    def of_unit(self, name: str, unit: Unit) -> list[UnitCorrelation]:
        """How closely this one follows it; nothing if either is constant."""
        one = self.follower(name, self.units.index(unit))
        return [] if math.isnan(one.correlation) else [one]

    def follower(self, name: str, place: int) -> UnitCorrelation:
        row = self.properties.index(name)
        ranked, held_out = self.correlations[row, place], self.held_out[row, place]
        return UnitCorrelation(name, self.units[place], float(ranked), float(held_out))


def survey(loaded: LoadedLanguageModel, text: AnnotatedText, names: Sequence[str]) -> Survey:
    """Read a text in parts side by side, each after some pieces that only bring its state about.

    Args:
        loaded: the model.
        text: marked with the properties.
        names: of the properties.

    Raises:
        DataError: a text of fewer than 100 pieces.
    """
    if len(text) < FEWEST:
        raise DataError(
            f"a text of {len(text)} pieces is too short to look for units in",
            hint=f"It takes {FEWEST}; better are some ten thousand.",
        )
    found = inventory(loaded.model)
    warm = min(WARM, len(text) // 4)
    rows = min(STREAMS, (len(text) - warm) // warm)
    steps = (len(text) - warm) // rows
    ids = torch.tensor(text.ids).unfold(0, warm + steps, steps)  # (rows, warm + steps)
    known = text.properties[warm : warm + rows * steps].view(rows, steps, -1)
    half = rows // 2
    first, second = Correlation(), Correlation()
    for step, values in enumerate(activations(loaded, ids), -warm):
        if step >= 0:
            values = values.cpu()
            first.add(values[:half], known[:half, step])
            second.add(values[half:], known[half:, step])
    return Survey(
        properties=names,
        units=found.units,
        left_out=found.left_out,
        positions=(first.positions, second.positions),
        correlations=first.values,
        held_out=second.values,
    )


@dataclass(frozen=True)
class TextActivations:
    """A text, and what the units hold along it that follow its properties most closely.

    Attributes:
        text: in pieces.
        survey: of a longer text.
        followers: by property, the closest first.
        only: the unit that was asked for, if one was.
        held: by each of these units, after every piece of the text.
    """

    text: AnnotatedText
    survey: Survey
    followers: dict[str, list[UnitCorrelation]]
    only: Unit | None
    held: dict[Unit, list[float]]

    @property
    def leading(self) -> list[UnitCorrelation]:
        """The closest of each property; of one unit that was asked for, what it follows best."""
        first = [group[0] for group in self.followers.values() if group]
        if self.only is None or not first:
            return first
        return [max(first, key=lambda one: abs(one.correlation))]

    def deviations(self, unit: Unit) -> list[float]:
        """What the unit holds, in deviations from its mean in the text."""
        values = torch.tensor(self.held[unit], dtype=torch.double)
        spread = values.std(correction=0).clamp(min=torch.finfo(torch.float32).tiny)
        deviations: list[float] = ((values - values.mean()) / spread).tolist()
        return deviations

    def known(self, name: str) -> list[float]:
        """What holds after each piece."""
        values: list[float] = self.text.properties[:, self.survey.properties.index(name)].tolist()
        return values


def activations_in_text(
    loaded: LoadedLanguageModel,
    shown: str,
    rows: Sequence[str],
    *,
    names: Sequence[str],
    unit: str | None = None,
    best: int = 3,
    most: int = 50_000,
) -> TextActivations:
    """Look for the units that follow properties in one text, and at what they hold in another.

    Args:
        loaded: the model.
        shown: the text to look at, which begins afresh.
        rows: documents or lines, as the model learned from: the text in which units are found.
        names: of properties.
        unit: look at this one alone, as `PieceInventory.find` takes it.
        best: units for each property.
        most: pieces of `rows`.

    Raises:
        ArgumentError: there is no such unit, or nothing to show.
        DataError: `rows` are too short a text.
    """
    only = None if unit is None else inventory(loaded.model).find(unit)
    tokenizer = loaded.tokenizer
    text = annotate(shown, names, tokenizer=tokenizer)
    if not len(text):
        raise ArgumentError("the text to show has no pieces")
    read = annotate_rows(rows, names, tokenizer=tokenizer, unit=loaded.unit, most=most)
    found = survey(loaded, read, names)
    followers = {
        name: found.best(name, best) if only is None else found.of_unit(name, only)
        for name in names
    }
    units = dict.fromkeys(one.unit for group in followers.values() for one in group)
    places = [found.units.index(unit) for unit in units]
    values = held_by(places, loaded, text.ids).t().tolist()
    return TextActivations(text, found, followers, only, held=dict(zip(units, values, strict=True)))


def held_by(places: Sequence[int], loaded: LoadedLanguageModel, ids: Sequence[int]) -> Tensor:
    """What some units hold after each piece of a text that begins afresh, (pieces, units)."""
    every = activations(loaded, torch.tensor([[loaded.end, *ids]]))
    return torch.stack([values[0, places] for values in every])[1:]
