"""Element-wise cells with a manual backward pass: only R·h stays in the time loop.

Forward, a step is one product and the cell's equations. Backward, the derivatives of the equations
are taken for many steps at once, from the equations themselves; a step is then a few element-wise
products and one matrix product; and the gradient of R is a single large product at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeGuard, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqlstm.recurrent.backends.base import Backend, Call, not_elementwise
from seqlstm.recurrent.backends.jacobians import Equations, Jacobians
from seqlstm.recurrent.cells.base import AdditiveCell, Cell, ElementwiseCell
from seqlstm.recurrent.cells.headwise import matrix_gradient, multiply, multiply_add, multiply_back
from seqlstm.recurrent.cells.slstm import SLSTM
from seqlstm.recurrent.state import State

CHUNK = 2**19  # numbers that a product of so many steps holds: their derivatives are taken at once


MANY_RESULTS = (SLSTM,)  # by exact class, as measured: benchmarks/README.md


class ManualBPTT(Backend):
    """Runs the equations of an `ElementwiseCell` with derivatives that come from them."""

    name = "manual-bptt"

    def unsupported_reason(self, cell: Cell, call: Call) -> str | None:
        return not_elementwise(cell)

    def not_preferred_reason(self, cell: Cell, call: Call, *, device: str) -> str | None:
        if device == "cpu" and type(cell) in MANY_RESULTS:
            return "slower on a CPU: one backward pass for each of the parts of its state"
        return None

    def run(
        self,
        cell: Cell,
        inputs: Tensor,
        state: State,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        assert isinstance(cell, ElementwiseCell)
        matrix = cell.recurrence()
        device = inputs.device.type
        if device != "meta" and torch.is_autocast_enabled(device) and matrix.dtype == torch.float32:
            matrix = matrix.to(torch.get_autocast_dtype(device))
        masks = Masks(cell, inputs, lengths, resets)
        outputs, *last = ManualBPTTFunction.apply(  # type: ignore[no-untyped-call]
            cell,
            masks,
            torch.is_grad_enabled(),
            cell.project(inputs),
            matrix,
            *state,
            *cell.elementwise(),
        )
        return outputs, tuple(last)


class ManualBPTTFunction(torch.autograd.Function):
    """The loop over time as one function of autograd."""

    @staticmethod
    def forward(
        ctx: Any,
        cell: ElementwiseCell,
        masks: Masks,
        keeps: bool,
        projected: Tensor,
        matrix: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        parts = len(cell.state_names)
        state, parameters = tensors[:parts], tensors[parts:]
        dtype = state[0].dtype
        outputs: list[Tensor] = []
        kept: list[tuple[Tensor, ...]] = []
        for time, before in enumerate(projected.unbind()):
            start = masks.start(time, state)
            operand = cell.read(start).to(matrix.dtype)
            if adds(cell):
                product = multiply_add(before, matrix, operand)
                output, after = cell.update(product.to(dtype), start, parameters)
            else:
                product = multiply(matrix, operand)
                terms = before.to(dtype), product.to(dtype)
                output, after = cell.equations(*terms, start, parameters)
            state = masks.end(time, after, state)
            outputs.append(output)
            if keeps:
                kept.append((product, *start))
        ctx.cell, ctx.masks, ctx.training = cell, masks, cell.training
        whole = () if adds(cell) else (projected,)
        ctx.save_for_backward(matrix, *(t for step in kept for t in step), *parameters, *whole)
        return torch.stack(outputs), *state

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor, *d_last: Tensor) -> tuple[Tensor | None, ...]:
        with mode(ctx.cell, training=ctx.training):
            return ManualBPTTFunction.walk_back(ctx, d_outputs, *d_last)

    @staticmethod
    def walk_back(ctx: Any, d_outputs: Tensor, *d_last: Tensor) -> tuple[Tensor | None, ...]:
        """The loop over time, backwards."""
        cell, masks = cast(ElementwiseCell, ctx.cell), cast(Masks, ctx.masks)
        additive = adds(cell)
        equations: Equations = cell.update if adds(cell) else cell.equations
        steps, parts = len(d_outputs), 1 + len(cell.state_names)
        matrix, *saved = ctx.saved_tensors
        products, *states = (saved[part : steps * parts : parts] for part in range(parts))
        parameters = saved[steps * parts : len(saved) - (not additive)]

        d_products = products[0].new_empty(steps, *products[0].shape)
        # Of a sum, both terms have one and the same gradient.
        d_projected = d_products if additive else torch.empty_like(saved[-1])
        d_parameters = [torch.zeros_like(one) for one in parameters]
        d_state = list(d_last)
        size = max(1, CHUNK // max(1, products[0].numel()))
        for begin in reversed(range(0, steps, size)):
            span = slice(begin, min(begin + size, steps))
            derivatives = Jacobians(
                equations,
                terms=(*(() if additive else (saved[-1][span],)), torch.stack(products[span])),
                states=[torch.stack(part[span]) for part in states],
                parameters=parameters,
            )
            for time in reversed(range(span.start, span.stop)):
                d_after = masks.end_back(time, d_state)
                d_product, d_start = derivatives.step(time - begin, d_outputs[time], d_after)
                d_products[time] = d_product
                d_operand = multiply_back(matrix, d_products[time]).to(d_product.dtype)
                add_parts(d_start, d_operand, cell.operand)
                d_state = masks.start_back(time, d_start, d_state)
            if not additive:
                d_projected[span] = derivatives.of_first_term()
            for total, part in zip(d_parameters, derivatives.of_parameters(), strict=True):
                total += 0 if part is None else part
        read = [torch.stack(states[part]) for part in cell.operand]
        operand = torch.cat(read, dim=-1).to(matrix.dtype)
        d_matrix = matrix_gradient(matrix, d_products.flatten(0, 1), operand.flatten(0, 1))
        return None, None, None, d_projected, d_matrix, *d_state, *d_parameters


@contextmanager
def mode(cell: Cell, *, training: bool) -> Iterator[None]:
    """The cell as it was in the forward pass, whose equations may depend on that."""
    now = cell.training
    cell.train(training)
    try:
        yield
    finally:
        cell.train(now)


def adds(cell: ElementwiseCell) -> TypeGuard[AdditiveCell]:
    """Whether the cell's equations are of the sum; a subclass may have changed them."""
    return isinstance(cell, AdditiveCell) and type(cell).equations is AdditiveCell.equations


def add_parts(parts: list[Tensor | None], gradient: Tensor, operand: Sequence[int]) -> None:
    """Add the gradient of what the product reads to that of the parts of the state it read."""
    for index, more in zip(operand, gradient.chunk(len(operand), dim=-1), strict=True):
        part = parts[index]
        parts[index] = more if part is None else part + more


class Masks:
    """Masks of the rows that are reset and have ended at each step: (batch, 1) or None."""

    def __init__(
        self, cell: Cell, inputs: Tensor, lengths: Tensor | None, resets: Tensor | None
    ) -> None:
        steps, batch, _ = inputs.shape
        self.over: Sequence[Tensor | None] = [None] * steps
        self.resets: Sequence[Tensor | None] = [None] * steps
        if lengths is not None:
            time = torch.arange(steps, device=lengths.device).unsqueeze(1)
            self.over = (time >= lengths).unsqueeze(-1).unbind()
        if resets is not None:
            self.resets = resets.unsqueeze(-1).unbind()
            self.fresh = cell.initial_state(batch)

    def start(self, time: int, state: State) -> State:
        """The state that a step starts from."""
        reset = self.resets[time]
        return state if reset is None else where(reset, self.fresh, state)

    def end(self, time: int, after: State, state: State) -> State:
        """The state after a step."""
        over = self.over[time]
        return after if over is None else where(over, state, after)

    def end_back(self, time: int, d_state: Sequence[Tensor]) -> Sequence[Tensor]:
        """The gradient of `after` from that of the state which the step leaves."""
        over = self.over[time]
        return d_state if over is None else [one.masked_fill(over, 0.0) for one in d_state]

    def start_back(
        self, time: int, d_start: Sequence[Tensor | None], d_state: Sequence[Tensor]
    ) -> list[Tensor]:
        """The gradient of the state before, from that which the step started from and left."""
        over, reset = self.over[time], self.resets[time]
        found = []
        for part, left in zip(d_start, d_state, strict=True):
            start = torch.zeros_like(left) if part is None else part
            if reset is not None:
                start = start.masked_fill(reset, 0.0)
            found.append(start if over is None else start + left.masked_fill(~over, 0.0))
        return found


def where(mask: Tensor, chosen: State, other: State) -> State:
    return tuple(torch.where(mask, *pair) for pair in zip(chosen, other, strict=True))
