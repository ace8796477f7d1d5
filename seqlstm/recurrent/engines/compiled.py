"""For element-wise cells on a CPU: the whole loop over time as machine code, made for the cell.

Its equations, and the derivatives that follow from them, are written out in C, compiled when they
are first run, and kept for the life of the process. Every thread takes some rows through all steps.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqlstm.recurrent.cell import Cell, ElementwiseCell
from seqlstm.recurrent.engines.engine import Call, Engine, not_elementwise
from seqlstm.recurrent.engines.native import REALS, Native, native
from seqlstm.recurrent.engines.scalars import NotScalarError, trace
from seqlstm.recurrent.engines.source import equations, find_compiler
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
        if find_compiler() is None:
            return "there is no C compiler: neither cc nor gcc nor clang"
        assert isinstance(cell, ElementwiseCell)
        text = self.text(cell)
        return f"the equations use {text}" if isinstance(text, NotScalarError) else None

    def text(self, cell: ElementwiseCell) -> str | NotScalarError:
        """The cell's equations in C, as it has them now; or what C has no words for here."""
        texts = self.texts.setdefault(cell, {})
        if cell.training not in texts:
            try:
                texts[cell.training] = equations(trace(cell), cell.operand)
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
        code = native(
            text, real=state[0].dtype, product=matrix.dtype, projected=projected.dtype
        )
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
        state, parameters = tensors[:parts], [one.contiguous() for one in tensors[parts:]]
        steps, (batch, hidden), real = len(projected), state[0].shape, state[0]
        blocks = matrix.reshape(-1, *matrix.shape[-2:])  # (heads, gates·units, columns)
        heads, rows, columns = blocks.shape
        kept = steps if keeps else 1
        states = [real.new_empty(steps, batch, hidden) for _ in state]
        for one, given in zip(states, state, strict=True):
            one[:1] = given
        sizes = {"steps": steps, "batch": batch, "hidden": hidden, "heads": heads}
        product = real.new_empty(kept, batch, heads, rows)
        operand = matrix.new_zeros(kept, batch, heads, code.padded(columns))
        last = [real.new_empty(batch, hidden) for _ in state]
        outputs = real.new_empty(steps, batch, hidden)
        code.forward(
            **{**sizes, **masks, "keeps": int(keeps), "projected": projected},
            **{"matrix": code.panels(blocks), "parameters": parameters, "product": product},
            **{"operand": operand, "states": states, "last": last, "outputs": outputs},
        )
        ctx.code, ctx.masks, ctx.sizes = code, masks, sizes
        if keeps:
            ctx.save_for_backward(projected, matrix, product, operand, *states, *parameters)
        return outputs, *last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor, *d_last: Tensor) -> tuple[Tensor | None, ...]:
        code: Native = ctx.code
        projected, matrix, product, operand, *rest = ctx.saved_tensors
        states, parameters = rest[: len(d_last)], rest[len(d_last) :]
        blocks = matrix.reshape(-1, *matrix.shape[-2:])
        heads, rows, columns = blocks.shape
        d_states = [one.clone(memory_format=torch.contiguous_format) for one in d_last]
        d_product = matrix.new_zeros(*product.shape[:3], code.padded(rows))
        d_projected = None if code.shared else torch.empty_like(projected)
        d_parameters = code.backward(
            **{**ctx.sizes, **ctx.masks, "keeps": 1, "projected": projected},
            **{"transposed": code.panels(blocks.mT), "parameters": parameters},
            **{"product": product, "states": states, "d_outputs": d_outputs.contiguous()},
            **{"d_states": d_states, "d_product": d_product, "d_projected": d_projected},
        )
        d_gates = d_product[..., :rows].flatten(0, 1).transpose(0, 1)  # (heads, ., gates·units)
        read = operand[..., :columns].flatten(0, 1).transpose(0, 1)  # (heads, ., columns)
        d_matrix = torch.bmm(d_gates.mT, read).view(matrix.shape)
        if d_projected is None:  # the product's, gate by gate instead of head by head
            d_projected = join_gates(d_gates, blocks).view(projected.shape).to(projected.dtype)
        return None, None, None, d_projected, d_matrix, *d_states, *d_parameters
