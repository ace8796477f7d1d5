"""Jacobians of a cell's equations, by autograd, for many steps at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from seqlstm.recurrent.state import State

Equations = Callable[..., tuple[Tensor, State]]
Row = list[Tensor | None]


class Jacobians:
    """Jacobians of the equations' results with respect to their arguments, over a chunk of steps.

    Unit j of a result follows from units j alone, so the gradient of the sum of a result holds all
    its derivatives: one backward pass a result, whatever the number of steps.

    Args:
        equations: from the terms, the state and the parameters to the output and the next state.
        terms: what was projected and the recurrent products, or their sums alone; each
            (steps, batch, multiple of hidden).
        states: the parts of the state before each step, (steps, batch, hidden) each.
        parameters: those of `cell.elementwise()`.
    """

    def __init__(
        self,
        equations: Equations,
        *,
        terms: Sequence[Tensor],
        states: Sequence[Tensor],
        parameters: Sequence[Tensor],
    ) -> None:
        dtype, (steps, batch, hidden) = states[0].dtype, states[0].shape
        spread = [one.expand(steps, batch, -1) for one in parameters]
        with torch.enable_grad():
            read = [one.detach().to(dtype).requires_grad_() for one in (*terms, *states, *spread)]
            first, last = len(terms), len(terms) + len(states)
            output, state = equations(*read[:first], tuple(read[first:last]), tuple(read[last:]))
            # Where the output is the state's first part, one gradient serves both.
            self.shares = output is state[0]
            found = [derive(one, read) for one in (state if self.shares else (output, *state))]
        # By what is read, by result: (steps, batch, multiple, hidden), or None where there is none.
        table = [[by_unit(one, hidden) for one in column] for column in zip(*found, strict=True)]
        self.terms, self.states, self.parameters = table[:first], table[first:last], table[last:]
        self.seeds: list[list[Tensor]] = []

    def step(
        self, time: int, d_output: Tensor, d_after: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor | None]]:
        """Gradients of one step's last term and of the parts of the state before it.

        Called for the steps from the last to the first.
        """
        first = [d_output + d_after[0]] if self.shares else [d_output, d_after[0]]
        seeds = [one.unsqueeze(-2) for one in (*first, *d_after[1:])]  # (batch, 1, hidden)
        self.seeds.append(seeds)
        d_term = chain(self.terms[-1], seeds, time)
        assert d_term is not None
        parts = [chain(row, seeds, time) for row in self.states]
        return d_term.flatten(-2), [None if one is None else one.squeeze(-2) for one in parts]

    def of_first_term(self) -> Tensor:
        """The gradient of the projected inputs, after all steps."""
        (total,) = self.whole(self.terms[:1])
        assert total is not None
        return total

    def of_parameters(self) -> list[Tensor | None]:
        """The gradients of the parameters, after all steps."""
        wholes = self.whole(self.parameters)
        return [None if one is None else one.sum((0, 1)) for one in wholes]

    def whole(self, rows: Sequence[Row]) -> list[Tensor | None]:
        """(steps, batch, multiple of hidden) each."""
        if not rows:
            return []
        seeds = [torch.stack(one) for one in zip(*reversed(self.seeds), strict=True)]
        totals = [chain(row, seeds, slice(None)) for row in rows]
        return [None if one is None else one.flatten(-2) for one in totals]


def derive(result: Tensor, read: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    """The derivatives of one result with respect to all that was read."""
    if not result.requires_grad:
        return (None,) * len(read)
    ones = torch.ones_like(result)
    return torch.autograd.grad(result, read, ones, retain_graph=True, allow_unused=True)


def by_unit(derivative: Tensor | None, hidden: int) -> Tensor | None:
    """(steps, batch, multiple · hidden) -> (steps, batch, multiple, hidden)."""
    if derivative is None:
        return None
    steps, batch, width = derivative.shape
    return derivative.reshape(steps, batch, width // hidden, hidden)


def chain(row: Row, seeds: Sequence[Tensor], time: int | slice) -> Tensor | None:
    """The chain rule: the sum over results of derivative times gradient."""
    total: Tensor | None = None
    for derivative, seed in zip(row, seeds, strict=True):
        if derivative is not None:
            at = derivative[time]
            total = at * seed if total is None else total.addcmul_(at, seed)
    return total
