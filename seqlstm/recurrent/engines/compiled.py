"""For element-wise cells on a CPU: the whole loop over time as machine code, made for the cell.

Its equations, and the derivatives that follow from them, are written out in C, compiled when they
are first run, and kept for the life of the process. Every thread takes some rows through all steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqlstm.recurrent.cell import Cell, ElementwiseCell
from seqlstm.recurrent.derived import derived
from seqlstm.recurrent.engines import source
from seqlstm.recurrent.engines.engine import Call, Engine, not_elementwise
from seqlstm.recurrent.engines.library import Library
from seqlstm.recurrent.engines.native import REALS, TYPES, Native, native
from seqlstm.recurrent.engines.scalars import NotScalarError, trace
from seqlstm.recurrent.lstm import LSTM
from seqlstm.recurrent.many_rows import multiply_many, panels_of
from seqlstm.recurrent.product import cast
from seqlstm.recurrent.state import State


class Compiled(Engine):
    """Runs the equations of an `ElementwiseCell` as C."""

    name = "compiled"

    def __init__(self) -> None:
        self.texts: WeakKeyDictionary[Cell, dict[Any, Text]] = WeakKeyDictionary()

    def refusal(self, cell: Cell, call: Call) -> str | None:
        if reason := not_elementwise(cell):
            return reason
        first = next(cell.parameters())
        if first.device.type != "cpu":
            return f"it is for a CPU, not for {first.device.type}"
        if first.dtype not in REALS:
            return f"it computes in float32 or float64, not in {first.dtype}"
        if (products := product_type(first.dtype)) not in TYPES:
            return f"it multiplies in float32, float64 or bfloat16, not in {products}"
        if reason := source.unavailable():
            return reason
        assert isinstance(cell, ElementwiseCell)
        missing = self.text(cell).missing
        return f"the equations use {missing}" if missing else None

    def slower(self, cell: Cell, call: Call, *, device: str) -> str | None:
        if torch.is_autocast_enabled("cpu") or type(cell) is not LSTM:
            return None
        serves = Library().refusal(cell, call) is None
        return "slower than torch's own LSTM in float32" if serves else None

    def text(self, cell: ElementwiseCell) -> Text:
        """The cell's equations in C: one text for training and one for evaluation, by type."""
        texts = self.texts.setdefault(cell, {})
        key = cell.training, next(cell.parameters()).dtype
        if key not in texts:
            try:
                texts[key] = Text(source.equations(trace(cell), cell.operand))
            except NotScalarError as error:
                texts[key] = Text(missing=str(error))
        return texts[key]

    def run(
        self,
        cell: Cell,
        inputs: Tensor,
        state: State,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """As `Engine.run`.

        Raises:
            ValueError: sizes or types that do not fit each other: C would read what is not there.
        """
        assert isinstance(cell, ElementwiseCell)
        matrix = cell.recurrence()
        check(inputs, state, cell=cell, matrix=matrix, lengths=lengths, resets=resets)
        projected = cell.project(inputs).contiguous()
        product = product_type(matrix.dtype)
        code = native(self.text(cell).equations, state[0].dtype, product, projected.dtype)
        trains = torch.is_grad_enabled()
        factors = matrix.detach().to(product) if trains else cast(matrix, product)
        fresh = [] if resets is None else list(cell.initial_state(inputs.shape[1]))
        outputs, *last = Steps.apply(  # type: ignore[no-untyped-call]
            code,
            [part.to(state[0].dtype).contiguous() for part in fresh],
            None if lengths is None else lengths.long().contiguous(),
            None if resets is None else resets.bool().contiguous(),
            trains,
            len(state),
            derived(matrix, code.layout, lambda _: panels_of(by_head(factors), code.layout)),
            factors,
            projected,
            matrix,
            *state,
            *cell.elementwise(),
        )
        return outputs, tuple(last)


@dataclass(frozen=True)
class Text:
    """A cell's equations in C, or what there are no words for."""

    equations: str = ""
    missing: str = ""


def product_type(dtype: torch.dtype) -> torch.dtype:
    """The type of a product's factors: autocast's, where that would change them."""
    casts = torch.is_autocast_enabled("cpu") and dtype == torch.float32
    return torch.get_autocast_dtype("cpu") if casts else dtype


def check(
    inputs: Tensor,
    state: State,
    *,
    cell: ElementwiseCell,
    matrix: Tensor,
    lengths: Tensor | None,
    resets: Tensor | None,
) -> None:
    """Refuse what does not fit.

    Raises:
        ValueError: says what.
    """
    steps, batch, _ = inputs.shape
    if not steps:
        raise ValueError("there must be a step, were: 0")
    for part in state:
        if part.shape != (batch, cell.hidden) or part.dtype != matrix.dtype or part.is_cuda:
            raise ValueError(
                f"each part of the state must be ({batch}, {cell.hidden}) in {matrix.dtype} on the "
                f"CPU, was: {tuple(part.shape)} in {part.dtype} on {part.device}"
            )
    if lengths is not None and lengths.shape != (batch,):
        raise ValueError(f"lengths must be ({batch},), were: {tuple(lengths.shape)}")
    if resets is not None and resets.shape != (steps, batch):
        raise ValueError(f"resets must be ({steps}, {batch}), were: {tuple(resets.shape)}")
    *_, columns = matrix.shape
    heads = len(matrix) if matrix.dim() == 3 else 1
    if columns * heads != len(cell.operand) * cell.hidden:
        raise ValueError(f"the matrix has {columns * heads} columns, and reads another number")


@dataclass(frozen=True)
class Kept:
    """What a pass leaves for the way back, beside tensors."""

    code: Native
    sizes: dict[str, int]
    columns: list[int]  # of the parameters
    dtype: torch.dtype  # of the matrix


class Steps(torch.autograd.Function):
    """The loop over time as one function of autograd."""

    @staticmethod
    def forward(
        ctx: Any,
        code: Native,
        fresh: list[Tensor],
        lengths: Tensor | None,
        resets: Tensor | None,
        keeps: bool,
        parts: int,
        panels: Tensor,
        factors: Tensor,
        projected: Tensor,
        matrix: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        state, parameters = tensors[:parts], tensors[parts:]
        steps, (batch, hidden), real = len(projected), state[0].shape, state[0]
        heads, rows, columns = by_head(matrix).shape
        kept = steps if keeps else 1
        sizes = {"steps": steps, "batch": batch, "hidden": hidden, "heads": heads}
        sizes |= {"keeps": int(keeps), "threads": max(1, min(torch.get_num_threads(), batch))}
        states = [real.new_empty(steps, batch, hidden) for _ in state]
        for one, given in zip(states, state, strict=True):
            one[0] = given
        product = real.new_empty(kept, batch, heads, rows)
        operand = code.factors(factors, kept, batch, heads, columns)
        outputs = factors.new_empty(steps, batch, hidden)
        last = [real.new_empty(batch, hidden) for _ in state]
        together = side_by_side(parameters, real)
        code.forward(
            **{**sizes, "fresh": fresh, "lengths": lengths, "resets": resets},
            projected=projected,
            matrix=panels,
            parameters=together,
            product=product,
            operand=operand,
            states=states,
            outputs=outputs,
            last=last,
        )
        ctx.kept = Kept(code, sizes, [len(one) for one in parameters], matrix.dtype)
        if keeps:
            masks = (lengths, resets)
            ctx.save_for_backward(*masks, projected, factors, together, product, operand, *states)
        return outputs, *last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor, *d_last: Tensor) -> tuple[Tensor | None, ...]:
        code, sizes, columns = ctx.kept.code, ctx.kept.sizes, ctx.kept.columns
        lengths, resets, projected, factors, parameters, product, operand, *states = (
            ctx.saved_tensors
        )
        blocks, (batch, hidden), real = by_head(factors), states[0].shape[1:], states[0]
        d_states = [one.clone(memory_format=torch.contiguous_format) for one in d_last]
        d_product = code.factors(factors, *product.shape)
        d_projected = None if code.shared else torch.empty_like(projected)
        d_parameters = real.new_zeros(sizes["threads"], len(parameters))
        code.backward(
            **{**sizes, "lengths": lengths, "resets": resets, "projected": projected},
            transposed=panels_of(blocks.mT, code.layout),
            parameters=parameters,
            product=product,
            states=states,
            d_states=d_states,
            d_outputs=d_outputs.to(factors.dtype).contiguous(),
            d_product=d_product,
            d_projected=d_projected,
            d_parameters=d_parameters,
            d_start=real.new_empty(batch, len(states), hidden),
            d_operand=real.new_empty(batch, len(blocks), blocks.shape[-1]),
            nothing=real.new_zeros(hidden),
        )
        d_gates = d_product[..., : blocks.shape[1]]  # (time, batch, heads, gates·units)
        if d_projected is None:  # the product's, gate by gate instead of head by head
            gates = d_gates.unflatten(-1, (-1, hidden // len(blocks))).transpose(2, 3)
            d_projected = gates.reshape(projected.shape).to(projected.dtype)
        read = operand[..., : blocks.shape[-1]]
        d_matrix = matrix_gradient(d_gates, read, ctx.kept.dtype).view(factors.shape)
        d_each = d_parameters.sum(0).split(columns)
        return *[None] * 8, d_projected, d_matrix, *d_states, *d_each


def matrix_gradient(d_gates: Tensor, operand: Tensor, dtype: torch.dtype) -> Tensor:
    """(heads, gates·units, columns), from what is (time, batch, heads, …) each.

    Head by head: torch's batched product of one pair is slower than the plain one.
    """
    pairs = zip(d_gates.flatten(0, 1).unbind(1), operand.flatten(0, 1).unbind(1), strict=True)
    each = [multiply_many(left.t(), right, dtype=dtype) for left, right in pairs]
    return torch.stack(each) if len(each) > 1 else each[0].unsqueeze(0)


def by_head(matrix: Tensor) -> Tensor:
    """(heads, gates·units, columns): a dense matrix is that of one head."""
    return matrix.reshape(-1, *matrix.shape[-2:])


def side_by_side(parameters: Sequence[Tensor], real: Tensor) -> Tensor:
    """All of them as one, of the type of `real`."""
    return torch.cat([real.new_empty(0), *parameters]).to(real.dtype)
