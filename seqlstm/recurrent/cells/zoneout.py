"""Zoneout of any cell: units that randomly keep their previous value."""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor

from seqlstm.nn.dropout import bernoulli_mask
from seqlstm.recurrent.cells.base import Cell, ElementwiseCell, LinearCell
from seqlstm.recurrent.state import State


def zoneout(cell: Cell, *, hidden: float = 0.0, memory: float = 0.0) -> Cell:
    """The cell with zoneout (Krueger et al., 2016): a cell again.

        h_t = s ∘ h_{t-1} + (1 − s) ∘ h̃_t        where h̃_t is what the cell gives

    and so for the other parts of the state. While training s is 1 or 0, sampled for each row, unit
    and step; in evaluation it is the probability itself. A memory that is a matrix a head stays or
    goes head by head. What was element-wise stays element-wise, what was linear linear.

    Args:
        cell: whose parameters are used.
        hidden: probability of a unit of h, the output, to keep its old value.
        memory: that of a unit of all other parts of the state, which stay or go together.

    Raises:
        ValueError: no probability, or one of something that the cell's state does not hold.
    """
    for name, share in (("hidden", hidden), ("memory", memory)):
        if not 0 <= share < 1:
            raise ValueError(f"zoneout's {name} must be in [0, 1), was: {share}")
    kind = type(cell).__name__
    if hidden and "h" not in cell.state_names:
        raise ValueError(f"zoneout's hidden cannot take effect: {kind} carries no output h on")
    if memory and cell.state_names == ("h",):
        raise ValueError(f"zoneout's memory cannot take effect: {kind} has none besides its output")
    shares = {"hidden": hidden, "memory": memory}
    shares = {name: share for name, share in shares.items() if share}
    if not shares:
        return cell
    if isinstance(cell, ElementwiseCell):
        return ElementwiseZoneout(cell, shares)
    if isinstance(cell, LinearCell):
        return LinearZoneout(cell, shares)
    return SteppedZoneout(cell, shares)


class Zoneout(Cell):
    """Base of the three kinds: the masks of all steps are sampled with the projection.

    They stand in the columns before those that the cell itself projects.

    Args:
        cell: whose parameters are used.
        shares: the probabilities of "hidden" and of "memory", those that are not 0.
    """

    cell: Cell

    def __init__(self, cell: Cell, shares: dict[str, float]) -> None:
        super().__init__(cell.input_size, cell.hidden_size)
        self.cell = cell
        self.state_names = cell.state_names  # type: ignore[misc]  # of a class as a rule
        self.loop_only_reason = cell.loop_only_reason
        self.required_input = cell.required_input
        self.shares = shares
        self.kinds = ["hidden" if name == "h" else "memory" for name in cell.state_names]
        # A state's second axis counts its units: numbers, or heads.
        units = [part.shape[1] for part in cell.initial_state(1)]
        self.units = dict(zip(self.kinds, units, strict=True))

    def initial_state(self, batch: int) -> State:
        return self.cell.initial_state(batch)

    def project(self, inputs: Tensor) -> Tensor:
        projected = self.cell.project(inputs)
        if not self.training:
            return projected
        masks = [
            bernoulli_mask(projected, (*projected.shape[:2], self.units[kind]), share)
            for kind, share in self.shares.items()
        ]
        return torch.cat([*masks, projected], dim=-1)

    def split(self, projected: Tensor) -> tuple[dict[str, Tensor | float], Tensor]:
        """What stays of "hidden" and of "memory", and the cell's own columns."""
        if not self.training:
            return dict(self.shares), projected
        ends = list(accumulate(self.units[kind] for kind in self.shares))
        *masks, own = projected.tensor_split(ends, dim=-1)
        return dict(zip(self.shares, masks, strict=True)), own

    def zone(
        self, stays: dict[str, Tensor | float], output: Tensor, new: State, old: State
    ) -> tuple[Tensor, State]:
        """Output and state where what `stays` is old."""
        share = tuple(
            spread(stays.get(kind, 0.0), part) for kind, part in zip(self.kinds, old, strict=True)
        )
        state = self.cell.mix(share, new, old)
        return (state[0] if self.state_names[0] == "h" else output), state


class ElementwiseZoneout(Zoneout, ElementwiseCell):
    """Zoneout is element-wise too, so the backend of element-wise cells serves it."""

    cell: ElementwiseCell

    def __init__(self, cell: ElementwiseCell, shares: dict[str, float]) -> None:
        super().__init__(cell, shares)
        self.operand = cell.operand

    def recurrence(self) -> Tensor:
        return self.cell.recurrence()

    def elementwise(self) -> tuple[Tensor, ...]:
        return self.cell.elementwise()

    def equations(
        self, projected: Tensor, recurrent: Tensor, state: State, parameters: tuple[Tensor, ...]
    ) -> tuple[Tensor, State]:
        stays, own = self.split(projected)
        return self.zone(stays, *self.cell.equations(own, recurrent, state, parameters), state)


class LinearZoneout(Zoneout, LinearCell):
    """Zoneout of a ∘ h + b is linear again: (s + (1 − s) ∘ a) ∘ h + (1 − s) ∘ b."""

    cell: LinearCell

    def coefficients(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        stays, own = self.split(projected)
        a, b = self.cell.coefficients(own)
        share = spread(stays["hidden"], a)
        return torch.lerp(a, torch.ones_like(a), share), (1 - share) * b


class SteppedZoneout(Zoneout):
    """Zoneout round any other cell's step."""

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        stays, own = self.split(projected)
        return self.zone(stays, *self.cell.step(own, state), state)


def spread(share: Tensor | float, part: Tensor) -> Tensor:
    """A share for each number of `part`, from one a unit or from one for all."""
    if isinstance(share, float):
        return torch.full_like(part, share)
    axes = part.dim() - share.dim()
    share = share.detach().to(part.dtype)
    return share.view(*share.shape, *[1] * axes).expand_as(part)
