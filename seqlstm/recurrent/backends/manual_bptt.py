"""Element-wise cells with a manual backward pass (back-propagation through time).

Forward, a step is one product R·h and the cell's equations. Backward, autograd differentiates the
equations for many steps at once; a step is then a few element-wise products and one matrix product.
The gradient of R is a single large product at the end.
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

CHUNK = 2**19  # elements of the products of all steps that are differentiated at once
SLOWER_ON_CPU = (SLSTM,)  # these classes, not their subclasses; see benchmarks/README.md


class ManualBPTT(Backend):
    """Runs an `ElementwiseCell` with a manual backward pass."""

    name = "manual-bptt"

    def unsupported_reason(self, cell: Cell, call: Call) -> str | None:
        return not_elementwise(cell)

    def not_preferred_reason(self, cell: Cell, call: Call, *, device: str) -> str | None:
        if device == "cpu" and type(cell) in SLOWER_ON_CPU:
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
        matrix = cell.recurrent_matrix()
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
            *cell.elementwise_parameters(),
        )
        return outputs, tuple(last)


class ManualBPTTFunction(torch.autograd.Function):
    """The loop over time as one function of autograd."""

    @staticmethod
    def forward(
        ctx: Any,
        cell: ElementwiseCell,
        masks: Masks,
        needs_grad: bool,
        projected: Tensor,
        matrix: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        parts = len(cell.state_names)
        state, parameters = tensors[:parts], tensors[parts:]
        dtype = state[0].dtype
        outputs: list[Tensor] = []
        saved: list[tuple[Tensor, ...]] = []  # by step
        for time, projected_step in enumerate(projected.unbind()):
            start = masks.start(time, state)
            operand = cell.operand(start).to(matrix.dtype)
            if is_additive(cell):
                product = multiply_add(projected_step, matrix, operand)
                output, after = cell.update(product.to(dtype), start, parameters)
            else:
                product = multiply(matrix, operand)
                terms = projected_step.to(dtype), product.to(dtype)
                output, after = cell.equations(*terms, start, parameters)
            state = masks.end(time, after, state)
            outputs.append(output)
            if needs_grad:
                saved.append((product, *start))
        ctx.cell, ctx.masks, ctx.training = cell, masks, cell.training
        inputs = () if is_additive(cell) else (projected,)
        ctx.save_for_backward(matrix, *(t for step in saved for t in step), *parameters, *inputs)
        return torch.stack(outputs), *state

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor, *d_last: Tensor) -> tuple[Tensor | None, ...]:
        with training_mode(ctx.cell, training=ctx.training):
            return ManualBPTTFunction.backward_loop(ctx, d_outputs, *d_last)

    @staticmethod
    def backward_loop(ctx: Any, d_outputs: Tensor, *d_last: Tensor) -> tuple[Tensor | None, ...]:
        """The loop over time, backwards."""
        cell, masks = cast(ElementwiseCell, ctx.cell), cast(Masks, ctx.masks)
        additive = is_additive(cell)
        equations: Equations = cell.update if is_additive(cell) else cell.equations
        steps, parts = len(d_outputs), 1 + len(cell.state_names)
        matrix, *saved = ctx.saved_tensors
        products, *states = (saved[part : steps * parts : parts] for part in range(parts))
        parameters = saved[steps * parts : len(saved) - (not additive)]

        d_products = products[0].new_empty(steps, *products[0].shape)
        # The two terms of a sum have the same gradient.
        d_projected = d_products if additive else torch.empty_like(saved[-1])
        d_parameters = [torch.zeros_like(parameter) for parameter in parameters]
        d_state = list(d_last)
        size = max(1, CHUNK // max(1, products[0].numel()))
        for begin in reversed(range(0, steps, size)):
            span = slice(begin, min(begin + size, steps))
            jacobians = Jacobians(
                equations,
                terms=(*(() if additive else (saved[-1][span],)), torch.stack(products[span])),
                states=[torch.stack(part[span]) for part in states],
                parameters=parameters,
            )
            for time in reversed(range(span.start, span.stop)):
                d_after = masks.end_back(time, d_state)
                d_product, d_start = jacobians.step(time - begin, d_outputs[time], d_after)
                d_products[time] = d_product
                d_operand = multiply_back(matrix, d_products[time]).to(d_product.dtype)
                add_operand_gradient(d_start, d_operand, cell.operand_parts)
                d_state = masks.start_back(time, d_start, d_state)
            if not additive:
                d_projected[span] = jacobians.projected_gradient()
            for total, d_chunk in zip(d_parameters, jacobians.parameter_gradients(), strict=True):
                total += 0 if d_chunk is None else d_chunk
        operands = [torch.stack(states[part]) for part in cell.operand_parts]
        operand = torch.cat(operands, dim=-1).to(matrix.dtype)
        d_matrix = matrix_gradient(matrix, d_products.flatten(0, 1), operand.flatten(0, 1))
        return None, None, None, d_projected, d_matrix, *d_state, *d_parameters


@contextmanager
def training_mode(cell: Cell, *, training: bool) -> Iterator[None]:
    """The mode of the forward pass, on which the cell's equations may depend."""
    mode = cell.training
    cell.train(training)
    try:
        yield
    finally:
        cell.train(mode)


def is_additive(cell: ElementwiseCell) -> TypeGuard[AdditiveCell]:
    """Whether the equations read the sum of both terms: a subclass may have changed that."""
    return isinstance(cell, AdditiveCell) and type(cell).equations is AdditiveCell.equations


def add_operand_gradient(
    d_state: list[Tensor | None], d_operand: Tensor, operand_parts: Sequence[int]
) -> None:
    """Add the gradient of the product's operand to those of its parts of the state."""
    chunks = d_operand.chunk(len(operand_parts), dim=-1)
    for index, d_chunk in zip(operand_parts, chunks, strict=True):
        d_part = d_state[index]
        d_state[index] = d_chunk if d_part is None else d_part + d_chunk


class Masks:
    """Masks of the rows that have ended or are reset at each step, (batch, 1) or None."""

    def __init__(
        self, cell: Cell, inputs: Tensor, lengths: Tensor | None, resets: Tensor | None
    ) -> None:
        steps, batch, _ = inputs.shape
        self.ended: Sequence[Tensor | None] = [None] * steps
        self.resets: Sequence[Tensor | None] = [None] * steps
        if lengths is not None:
            time = torch.arange(steps, device=lengths.device).unsqueeze(1)
            self.ended = (time >= lengths).unsqueeze(-1).unbind()
        if resets is not None:
            self.resets = resets.unsqueeze(-1).unbind()
            self.initial = cell.initial_state(batch)

    def start(self, time: int, state: State) -> State:
        """The state from which a step starts: after a reset, if there is one."""
        reset = self.resets[time]
        return state if reset is None else where(reset, self.initial, state)

    def end(self, time: int, after: State, state: State) -> State:
        """The state after a step: rows that have ended keep theirs."""
        ended = self.ended[time]
        return after if ended is None else where(ended, state, after)

    def end_back(self, time: int, d_state: Sequence[Tensor]) -> Sequence[Tensor]:
        """The backward pass of `end`: from the gradient of its result to that of `after`."""
        ended = self.ended[time]
        return d_state if ended is None else [d.masked_fill(ended, 0.0) for d in d_state]

    def start_back(
        self, time: int, d_start: Sequence[Tensor | None], d_state: Sequence[Tensor]
    ) -> list[Tensor]:
        """The backward pass of `start`: the gradient of the state before the step.

        Args:
            time: the step.
            d_start: gradients of the state from which the step started.
            d_state: gradients of the state after the step, which ended rows pass on unchanged.
        """
        ended, reset = self.ended[time], self.resets[time]
        d_before = []
        for d_part, d_after in zip(d_start, d_state, strict=True):
            d = torch.zeros_like(d_after) if d_part is None else d_part
            if reset is not None:
                d = d.masked_fill(reset, 0.0)
            d_before.append(d if ended is None else d + d_after.masked_fill(~ended, 0.0))
        return d_before


def where(mask: Tensor, state: State, other: State) -> State:
    """`torch.where` part by part, with a mask (batch, 1)."""
    return tuple(torch.where(mask, *parts) for parts in zip(state, other, strict=True))
