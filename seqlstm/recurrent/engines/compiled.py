"""For element-wise cells on a CPU: the whole loop over time as machine code, made for the cell.

Its equations, and the derivatives that follow from them, are written out in C, compiled when they
are first run, and kept for the life of the process. Every thread takes some rows through all steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqlstm.recurrent.cell import Cell, ElementwiseCell
from seqlstm.recurrent.engines import source
from seqlstm.recurrent.engines.engine import Call, Engine, not_elementwise
from seqlstm.recurrent.engines.library import Library
from seqlstm.recurrent.engines.native import REALS, TYPES, Native, native
from seqlstm.recurrent.engines.scalars import NotScalarError, trace
from seqlstm.recurrent.lstm import LSTM
from seqlstm.recurrent.product import join_gates
from seqlstm.recurrent.state import State


class Compiled(Engine):
    """Runs the equations of an `ElementwiseCell` as C."""

    name = "compiled"

    def __init__(self) -> None:
        # By cell, for training and evaluation: the text of its equations, or why there is none.
        self.texts: WeakKeyDictionary[Cell, dict[bool, str | NotScalarError]] = WeakKeyDictionary()

    def refusal(self, cell: Cell, call: Call) -> str | None:
        if reason := not_elementwise(cell):
            return reason
        first = next(cell.parameters())
        if first.device.type != "cpu":
            return f"it is for a CPU, not for {first.device.type}"
        if first.dtype not in REALS:
            return f"it computes in float32 or float64, not in {first.dtype}"
        products = torch.get_autocast_dtype("cpu")
        if torch.is_autocast_enabled("cpu") and products not in TYPES:
            return f"it multiplies in float32, float64 or bfloat16, not in {products}"
        if reason := source.refusal():
            return reason
        assert isinstance(cell, ElementwiseCell)
        text = self.text(cell)
        return f"the equations use {text}" if isinstance(text, NotScalarError) else None

    def slower(self, cell: Cell, call: Call, *, device: str) -> str | None:
        if torch.is_autocast_enabled("cpu") or type(cell) is not LSTM:
            return None
        serves = Library().refusal(cell, call) is None
        return "slower than torch's own LSTM in float32" if serves else None

    def text(self, cell: ElementwiseCell) -> str | NotScalarError:
        """The cell's equations in C, as it has them now; or what C has no words for here."""
        texts = self.texts.setdefault(cell, {})
        if cell.training not in texts:
            try:
                texts[cell.training] = source.equations(trace(cell), cell.operand)
            except NotScalarError as error:
                texts[cell.training] = error
        return texts[cell.training]

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
        text = self.text(cell)
        assert isinstance(text, str)
        matrix = cell.recurrence()
        if torch.is_autocast_enabled("cpu") and matrix.dtype == torch.float32:
            matrix = matrix.to(torch.get_autocast_dtype("cpu"))
        projected = cell.project(inputs).contiguous()
        fresh = [] if resets is None else list(cell.initial_state(inputs.shape[1]))
        masks = {
            "fresh": fresh or list(state),  # not read without resets
            "lengths": None if lengths is None else lengths.long().contiguous(),
            "resets": None if resets is None else resets.contiguous(),
        }
        code = native(text, real=state[0].dtype, product=matrix.dtype, projected=projected.dtype)
        keeps = torch.is_grad_enabled()
        outputs, *last = Steps.apply(  # type: ignore[no-untyped-call]
            code, masks, keeps, projected, matrix, *state, *cell.elementwise()
        )
        return outputs, tuple(last)


class Steps(torch.autograd.Function):
    """The loop over time as one function of autograd."""

    @staticmethod
    def forward(
        ctx: Any,
        code: Native,
        masks: dict[str, Any],
        keeps: bool,
        projected: Tensor,
        matrix: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        parts = len(masks["fresh"])
        state, parameters = tensors[:parts], tensors[parts:]
        (batch, hidden), real = state[0].shape, state[0]
        blocks = by_head(matrix)
        heads, rows, columns = blocks.shape
        steps, kept = len(projected), len(projected) if keeps else 1
        sizes = {"steps": steps, "batch": batch, "hidden": hidden, "heads": heads}
        sizes |= {"keeps": int(keeps), "threads": max(1, min(torch.get_num_threads(), batch))}
        states = [real.new_empty(steps, batch, hidden) for _ in state]
        for one, given in zip(states, state, strict=True):
            one[:1] = given
        product = real.new_empty(kept, batch, heads, rows)
        operand = code.factors(matrix, kept, batch, heads, columns)
        outputs = matrix.new_empty(steps, batch, hidden)
        last = [real.new_empty(batch, hidden) for _ in state]
        together = side_by_side(parameters, real)
        code.forward(
            **sizes,
            **masks,
            projected=projected,
            matrix=code.panels(blocks),
            parameters=together,
            product=product,
            operand=operand,
            states=states,
            outputs=outputs,
            last=last,
        )
        ctx.code, ctx.masks, ctx.sizes = code, masks, sizes
        ctx.columns = [len(one) for one in parameters]
        if keeps:
            ctx.save_for_backward(projected, matrix, together, product, operand, *states)
        return outputs, *last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor, *d_last: Tensor) -> tuple[Tensor | None, ...]:
        code: Native = ctx.code
        projected, matrix, parameters, product, operand, *states = ctx.saved_tensors
        blocks, (batch, hidden), real = by_head(matrix), states[0].shape[1:], states[0]
        heads, rows, columns = blocks.shape
        d_states = [one.clone(memory_format=torch.contiguous_format) for one in d_last]
        d_product = code.factors(matrix, *product.shape)
        d_projected = None if code.shared else torch.empty_like(projected)
        d_parameters = real.new_zeros(ctx.sizes["threads"], len(parameters))
        code.backward(
            **ctx.sizes,
            **ctx.masks,
            projected=projected,
            transposed=code.panels(blocks.mT),
            parameters=parameters,
            product=product,
            states=states,
            d_outputs=d_outputs.to(matrix.dtype).contiguous(),
            d_states=d_states,
            d_product=d_product,
            d_projected=d_projected,
            d_parameters=d_parameters,
            d_start=real.new_empty(batch, len(states), hidden),
            d_operand=real.new_empty(batch, heads, columns),
            nothing=real.new_zeros(hidden),
        )
        d_gates = d_product[..., :rows].flatten(0, 1).transpose(0, 1)  # (heads, ., gates·units)
        read = operand[..., :columns].flatten(0, 1).transpose(0, 1)  # (heads, ., columns)
        # One by one: torch's batched product of one pair is slower than the plain one.
        pairs = zip(d_gates, read, strict=True)
        d_matrix = torch.stack([left.t() @ right for left, right in pairs]).view(matrix.shape)
        if d_projected is None:  # the product's, gate by gate instead of head by head
            d_projected = join_gates(d_gates, blocks).view(projected.shape).to(projected.dtype)
        d_each = d_parameters.sum(0).split(ctx.columns)
        return None, None, None, d_projected, d_matrix, *d_states, *d_each


def by_head(matrix: Tensor) -> Tensor:
    """(heads, gates·units, columns): a dense matrix is that of one head."""
    return matrix.reshape(-1, *matrix.shape[-2:])


def side_by_side(parameters: Sequence[Tensor], real: Tensor) -> Tensor:
    """All of them as one, of the type of `real`."""
    return torch.cat([real.new_empty(0), *parameters]).to(real.dtype)
