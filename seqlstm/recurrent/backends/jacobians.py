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

    The equations are element-wise: unit j of a result depends only on units j of the arguments. So
    the gradient of the sum of a result contains all its derivatives, and one backward pass for each
    result is enough for any number of steps.

    Args:
        equations: from the terms, the state and the parameters to the output and the next state.
        terms: the projected inputs and the recurrent products, or only their sums; each
            (steps, batch, multiple of hidden).
        states: the parts of the state before each step, (steps, batch, hidden) each.
        parameters: those of `cell.elementwise_parameters()`.
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
        expanded = [parameter.expand(steps, batch, -1) for parameter in parameters]
        with torch.enable_grad():
            arguments = [
                tensor.detach().to(dtype).requires_grad_()
                for tensor in (*terms, *states, *expanded)
            ]
            first, end = len(terms), len(terms) + len(states)
            output, state = equations(
                *arguments[:first], tuple(arguments[first:end]), tuple(arguments[end:])
            )
            # Where the output is the state's first part, both have one gradient.
            self.output_is_state = output is state[0]
            results = state if self.output_is_state else (output, *state)
            derivatives = [differentiate(result, arguments) for result in results]
        # A row for each argument, with the derivative of each result:
        # (steps, batch, multiple, hidden), or None where the result does not depend on it.
        rows = [[by_unit(d, hidden) for d in row] for row in zip(*derivatives, strict=True)]
        self.terms, self.states, self.parameters = rows[:first], rows[first:end], rows[end:]
        self.gradients: list[list[Tensor]] = []  # of the results, from the last step to the first

    def step(
        self, time: int, d_output: Tensor, d_after: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor | None]]:
        """Gradients of one step's last term and of the parts of the state before the step.

        To be called for each step, from the last to the first.
        """
        first = [d_output + d_after[0]] if self.output_is_state else [d_output, d_after[0]]
        gradients = [d.unsqueeze(-2) for d in (*first, *d_after[1:])]  # (batch, 1, hidden)
        self.gradients.append(gradients)
        d_term = chain_rule(self.terms[-1], gradients, time)
        assert d_term is not None
        d_before = [chain_rule(row, gradients, time) for row in self.states]
        return d_term.flatten(-2), [None if d is None else d.squeeze(-2) for d in d_before]

    def projected_gradient(self) -> Tensor:
        """The gradient of the projected inputs, after all steps."""
        (d_projected,) = self.all_steps(self.terms[:1])
        assert d_projected is not None
        return d_projected

    def parameter_gradients(self) -> list[Tensor | None]:
        """The gradients of the parameters, after all steps."""
        d_parameters = self.all_steps(self.parameters)
        return [None if d is None else d.sum((0, 1)) for d in d_parameters]

    def all_steps(self, rows: Sequence[Row]) -> list[Tensor | None]:
        """The gradients of some arguments at all steps, (steps, batch, multiple of hidden) each."""
        if not rows:
            return []
        gradients = [torch.stack(steps) for steps in zip(*reversed(self.gradients), strict=True)]
        totals = [chain_rule(row, gradients, slice(None)) for row in rows]
        return [None if total is None else total.flatten(-2) for total in totals]


def differentiate(result: Tensor, arguments: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    """The derivatives of one result with respect to all arguments."""
    if not result.requires_grad:
        return (None,) * len(arguments)
    ones = torch.ones_like(result)
    return torch.autograd.grad(result, arguments, ones, retain_graph=True, allow_unused=True)


def by_unit(derivative: Tensor | None, hidden: int) -> Tensor | None:
    """(steps, batch, multiple · hidden) -> (steps, batch, multiple, hidden)."""
    if derivative is None:
        return None
    steps, batch, width = derivative.shape
    return derivative.reshape(steps, batch, width // hidden, hidden)


def chain_rule(row: Row, gradients: Sequence[Tensor], time: int | slice) -> Tensor | None:
    """The gradient of an argument: the sum over results of derivative times gradient."""
    total: Tensor | None = None
    for derivative, gradient in zip(row, gradients, strict=True):
        if derivative is not None:
            at_time = derivative[time]
            total = at_time * gradient if total is None else total.addcmul_(at_time, gradient)
    return total
