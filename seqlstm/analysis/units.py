"""Units of a language model that correlate with properties of a text.

Karpathy, Johnson & Fei-Fei (2015), "Visualizing and understanding recurrent networks".
"""

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

STREAMS = 32  # parts of a text that are read in parallel
WARM_UP = 256  # pieces at the beginning of each part that do not count
MIN_PIECES = 100  # of a text in which units are found


@dataclass(frozen=True)
class UnitCorrelation:
    """The correlation of a unit with a property.

    Attributes:
        property: the property's name.
        unit: the unit.
        correlation: Pearson's r in the half of the text by which units are ranked.
        held_out: Pearson's r in the other half.
    """

    property: str
    unit: Unit
    correlation: float
    held_out: float


@dataclass(frozen=True)
class Survey:
    """The correlations of all units with all properties of a text.

    Attributes:
        properties: their names.
        units: of the model.
        left_out: names of the matrices of the state, which have no units.
        positions: number of pieces in the half by which units are ranked, and in the other half.
        correlations: in the first half, (properties, units); NaN where either is constant.
        held_out: in the other half, likewise.
    """

    properties: Sequence[str]
    units: Sequence[Unit]
    left_out: Sequence[str]
    positions: tuple[int, int]
    correlations: Tensor
    held_out: Tensor

    def best(self, name: str, count: int) -> list[UnitCorrelation]:
        """The units with the largest absolute correlation; none if the property is constant."""
        strength = self.correlations[self.properties.index(name)].abs().nan_to_num(-1.0)
        order = strength.argsort(descending=True, stable=True)[:count].tolist()
        return [self.correlation_of(name, index) for index in order if strength[index] >= 0]

    def of_unit(self, name: str, unit: Unit) -> list[UnitCorrelation]:
        """The correlation of one unit with a property; none if either is constant."""
        correlation = self.correlation_of(name, self.units.index(unit))
        return [] if math.isnan(correlation.correlation) else [correlation]

    def correlation_of(self, name: str, index: int) -> UnitCorrelation:
        """The correlation of the unit at an index with a property."""
        row = self.properties.index(name)
        ranked, held_out = self.correlations[row, index], self.held_out[row, index]
        return UnitCorrelation(name, self.units[index], float(ranked), float(held_out))


def survey(loaded: LoadedLanguageModel, text: AnnotatedText, names: Sequence[str]) -> Survey:
    """Correlate all units with the properties of a text.

    The text is read in parallel parts; the first pieces of each part only warm up its state.

    Args:
        loaded: the model.
        text: annotated with the properties.
        names: of the properties.

    Raises:
        DataError: a text of fewer than 100 pieces.
    """
    if len(text) < MIN_PIECES:
        raise DataError(
            f"a text of {len(text)} pieces is too short to look for units in",
            hint=f"It takes {MIN_PIECES}; better are some ten thousand.",
        )
    state_units = inventory(loaded.model)
    warm_up = min(WARM_UP, len(text) // 4)
    rows = min(STREAMS, (len(text) - warm_up) // warm_up)
    steps = (len(text) - warm_up) // rows
    ids = torch.tensor(text.ids).unfold(0, warm_up + steps, steps)  # (rows, warm-up + steps)
    properties = text.properties[warm_up : warm_up + rows * steps].view(rows, steps, -1)
    half = rows // 2
    first, second = Correlation(), Correlation()
    for step, values in enumerate(activations(loaded, ids), -warm_up):
        if step >= 0:
            values = values.cpu()
            first.add(values[:half], properties[:half, step])
            second.add(values[half:], properties[half:, step])
    return Survey(
        properties=names,
        units=state_units.units,
        left_out=state_units.left_out,
        positions=(first.positions, second.positions),
        correlations=first.values,
        held_out=second.values,
    )


@dataclass(frozen=True)
class TextActivations:
    """A text with the activations of the units that correlate best with properties.

    Attributes:
        text: annotated with the properties.
        survey: of the text in which the units were found.
        best_units: of each property, the largest absolute correlation first.
        unit: the requested unit; None if units were found by correlation.
        activations: of each unit, after every piece of the text.
    """

    text: AnnotatedText
    survey: Survey
    best_units: dict[str, list[UnitCorrelation]]
    unit: Unit | None
    activations: dict[Unit, list[float]]

    @property
    def leading(self) -> list[UnitCorrelation]:
        """The best unit of each property, or the best property of the requested unit."""
        first = [units[0] for units in self.best_units.values() if units]
        if self.unit is None or not first:
            return first
        return [max(first, key=lambda unit: abs(unit.correlation))]

    def deviations(self, unit: Unit) -> list[float]:
        """The unit's activations as standard scores: deviations from their mean in the text."""
        values = torch.tensor(self.activations[unit], dtype=torch.double)
        deviation = values.std(correction=0).clamp(min=torch.finfo(torch.float32).tiny)
        scores: list[float] = ((values - values.mean()) / deviation).tolist()
        return scores

    def property_values(self, name: str) -> list[float]:
        """The value of a property after each piece."""
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
    max_pieces: int = 50_000,
) -> TextActivations:
    """Find units that correlate with properties in one text; compute their activations in another.

    Args:
        loaded: the model.
        shown: the text whose activations are computed, from the initial state.
        rows: the text in which units are found, in the unit of the training text (documents or
            lines).
        names: of properties.
        unit: name of the only unit to use, as of `UnitInventory.find`; None to find units.
        best: number of units for each property.
        max_pieces: maximum number of pieces of `rows`.

    Raises:
        ArgumentError: there is no such unit, or `shown` has no pieces.
        DataError: `rows` have too few pieces.
    """
    requested = None if unit is None else inventory(loaded.model).find(unit)
    tokenizer = loaded.tokenizer
    text = annotate(shown, names, tokenizer=tokenizer)
    if not len(text):
        raise ArgumentError("the text to show has no pieces")
    surveyed = annotate_rows(
        rows, names, tokenizer=tokenizer, unit=loaded.unit, max_pieces=max_pieces
    )
    result = survey(loaded, surveyed, names)
    best_units = {
        name: result.best(name, best) if requested is None else result.of_unit(name, requested)
        for name in names
    }
    units = list(dict.fromkeys(unit.unit for group in best_units.values() for unit in group))
    indices = [result.units.index(unit) for unit in units]
    values = unit_activations(indices, loaded, text.ids).t().tolist()
    return TextActivations(
        text, result, best_units, requested, dict(zip(units, values, strict=True))
    )


def unit_activations(
    indices: Sequence[int], loaded: LoadedLanguageModel, ids: Sequence[int]
) -> Tensor:
    """The activations of the units at `indices` after each piece of a text, (pieces, units)."""
    steps = activations(loaded, torch.tensor([[loaded.end, *ids]]))
    return torch.stack([values[0, indices] for values in steps])[1:]
