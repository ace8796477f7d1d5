"""Zoneout of any cell: units that randomly keep their previous value."""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor

from seqlstm.nn.dropout import bernoulli_mask
from seqlstm.recurrent.cells.base import Cell, ElementwiseCell, LinearCell
from seqlstm.recurrent.state import State


def zoneout(cell: Cell, *, hidden: float = 0.0, memory: float = 0.0) -> Cell:
    """Zoneout (Krueger et al., 2016) around a cell.

        h_t = s ∘ h_{t-1} + (1 − s) ∘ h̃_t        where h̃_t is the h of the cell itself

    and likewise for the other parts of the state. In training s is 1 or 0, sampled for each row,
    unit and step; in evaluation it is the probability. A matrix memory has one s for each head.
    Zoneout of an element-wise cell is element-wise, and zoneout of a linear cell is linear.

    Args:
        cell: the cell, whose parameters are used.
        hidden: probability that a unit of h, the output, keeps its previous value.
        memory: the same for the other parts of the state, which share one s for each unit.

    Raises:
        ValueError: a probability is out of its range, or the cell has no such part of the state.
    """
    for name, probability in (("hidden", hidden), ("memory", memory)):
        if not 0 <= probability < 1:
            raise ValueError(f"zoneout's {name} must be in [0, 1), was: {probability}")
    kind = type(cell).__name__
    if hidden and "h" not in cell.state_names:
        raise ValueError(f"zoneout's hidden cannot take effect: {kind} has no h in its state")
    if memory and cell.state_names == ("h",):
        raise ValueError(f"zoneout's memory cannot take effect: {kind} has only h in its state")
    probabilities = {"hidden": hidden, "memory": memory}
    probabilities = {name: value for name, value in probabilities.items() if value}
    if not probabilities:
        return cell
    if isinstance(cell, ElementwiseCell):
        return ElementwiseZoneout(cell, probabilities)
    if isinstance(cell, LinearCell):
        return LinearZoneout(cell, probabilities)
    return StepZoneout(cell, probabilities)


class Zoneout(Cell):
    """Base of zoneout around a cell: `project` samples the masks of all steps.

    It returns the masks and, after them, the columns that the cell itself projects.

    Args:
        cell: the cell, whose parameters are used.
        probabilities: of "hidden" and "memory", without those that are 0.
    """

    cell: Cell

    def __init__(self, cell: Cell, probabilities: dict[str, float]) -> None:
        super().__init__(cell.input_size, cell.hidden_size)
        self.cell = cell
        self.state_names = cell.state_names  # type: ignore[misc]  # a ClassVar of other cells
        self.loop_only_reason = cell.loop_only_reason
        self.required_input = cell.required_input
        self.probabilities = probabilities
        self.kinds = ["hidden" if name == "h" else "memory" for name in cell.state_names]
        # The second axis of a part of the state is that of its units, or heads.
        units = [part.shape[1] for part in cell.initial_state(1)]
        self.units = dict(zip(self.kinds, units, strict=True))

    def initial_state(self, batch: int) -> State:
        return self.cell.initial_state(batch)

    def project(self, inputs: Tensor) -> Tensor:
        projected = self.cell.project(inputs)
        if not self.training:
            return projected
        masks = [
            bernoulli_mask(projected, (*projected.shape[:2], self.units[kind]), probability)
            for kind, probability in self.probabilities.items()
        ]
        return torch.cat([*masks, projected], dim=-1)

    def split(self, projected: Tensor) -> tuple[dict[str, Tensor | float], Tensor]:
        """s of "hidden" and of "memory", and the columns that the cell itself projected."""
        if not self.training:
            return dict(self.probabilities), projected
        ends = list(accumulate(self.units[kind] for kind in self.probabilities))
        *masks, cell_projected = projected.tensor_split(ends, dim=-1)
        return dict(zip(self.probabilities, masks, strict=True)), cell_projected

    def apply_masks(
        self, masks: dict[str, Tensor | float], output: Tensor, new: State, old: State
    ) -> tuple[Tensor, State]:
        """Output and state, interpolated between the old state and the new one."""
        weight = tuple(
            expand_mask(masks.get(kind, 0.0), part)
            for kind, part in zip(self.kinds, old, strict=True)
        )
        state = self.cell.interpolate(weight, new, old)
        return (state[0] if self.state_names[0] == "h" else output), state


class ElementwiseZoneout(Zoneout, ElementwiseCell):
    """Zoneout of an element-wise cell, which is element-wise too."""

    cell: ElementwiseCell

    def __init__(self, cell: ElementwiseCell, probabilities: dict[str, float]) -> None:
        super().__init__(cell, probabilities)
        self.operand_parts = cell.operand_parts

    def recurrent_matrix(self) -> Tensor:
        return self.cell.recurrent_matrix()

    def elementwise_parameters(self) -> tuple[Tensor, ...]:
        return self.cell.elementwise_parameters()

    def equations(
        self, projected: Tensor, product: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        masks, projected = self.split(projected)
        output, new = self.cell.equations(projected, product, state, parameters)
        return self.apply_masks(masks, output, new, state)


class LinearZoneout(Zoneout, LinearCell):
    """Zoneout of a linear cell, which is linear too: (s + (1 − s) ∘ a) ∘ h + (1 − s) ∘ b."""

    cell: LinearCell

    def coefficients(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        masks, projected = self.split(projected)
        a, b = self.cell.coefficients(projected)
        s = expand_mask(masks["hidden"], a)
        return torch.lerp(a, torch.ones_like(a), s), (1 - s) * b


class StepZoneout(Zoneout):
    """Zoneout of any other cell."""

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        masks, projected = self.split(projected)
        output, new = self.cell.step(projected, state)
        return self.apply_masks(masks, output, new, state)


def expand_mask(mask: Tensor | float, part: Tensor) -> Tensor:
    """A mask for each unit, or a number for all, in the shape and type of a part of the state."""
    if isinstance(mask, float):
        return torch.full_like(part, mask)
    axes = part.dim() - mask.dim()
    mask = mask.detach().to(part.dtype)
    return mask.view(*mask.shape, *[1] * axes).expand_as(part)
