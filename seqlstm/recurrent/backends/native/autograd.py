"""The generated C code of an element-wise cell as one function of autograd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqlstm.kernels.gemm import gemm, pack_matrix
from seqlstm.kernels.recurrence import Native


@dataclass(frozen=True)
class SavedContext:
    """Values other than tensors that the backward pass needs."""

    code: Native
    sizes: dict[str, int]
    columns: list[int]  # of each parameter
    dtype: torch.dtype  # of the matrix


class RecurrenceFunction(torch.autograd.Function):
    """The time loop as one function of autograd."""

    @staticmethod
    def forward(
        ctx: Any,
        code: Native,
        reset_state: list[Tensor],
        lengths: Tensor | None,
        resets: Tensor | None,
        needs_grad: bool,
        reverse: bool,
        parts: int,
        packed: Tensor,
        factors: Tensor,
        projected: Tensor,
        matrix: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        state, parameters = tensors[:parts], tensors[parts:]
        steps, (batch, hidden), real = len(projected), state[0].shape, state[0]
        heads, rows, columns = by_head(matrix).shape
        sizes = {"steps": steps, "batch": batch, "hidden": hidden, "heads": heads}
        sizes |= {"needs_grad": int(needs_grad), "reverse": int(reverse)}
        sizes |= {"threads": max(1, min(torch.get_num_threads(), batch))}
        states = [real.new_empty(steps, batch, hidden) for _ in state]
        initial = [part.to(real.dtype).contiguous() for part in state]
        operand = code.factors(factors, batch, heads, columns)
        products = factors.new_empty(steps, batch, heads, rows) if needs_grad else None
        operands = factors.new_empty(steps, *operand.shape) if needs_grad else None
        outputs = factors.new_empty(steps, batch, hidden)
        final = [real.new_empty(batch, hidden) for _ in state]
        flat = concatenated(parameters, real)
        code.forward(
            **{**sizes, "lengths": lengths, "resets": resets},
            initial=initial,
            reset_state=reset_state,
            projected=projected,
            matrix=packed,
            parameters=flat,
            product=real.new_empty(batch, heads, rows),
            operand=operand,
            products=products,
            operands=operands,
            states=states,
            outputs=outputs,
            final=final,
        )
        ctx.saved = SavedContext(code, sizes, [len(part) for part in parameters], matrix.dtype)
        if needs_grad:
            masks = (lengths, resets)
            ctx.save_for_backward(*masks, projected, factors, flat, products, operands, *states)
        return outputs, *final

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor, *d_final: Tensor) -> tuple[Tensor | None, ...]:
        code, sizes, columns = ctx.saved.code, ctx.saved.sizes, ctx.saved.columns
        lengths, resets, projected, factors, parameters, products, operands, *states = (
            ctx.saved_tensors
        )
        blocks, (batch, hidden), real = by_head(factors), states[0].shape[1:], states[0]
        d_states = [part.clone(memory_format=torch.contiguous_format) for part in d_final]
        d_product = code.factors(factors, *products.shape[1:])
        d_products = factors.new_empty(sizes["steps"], *d_product.shape)
        d_projected = None if code.shared else torch.empty_like(projected)
        d_parameters = real.new_zeros(sizes["threads"], len(parameters))
        code.backward(
            **{**sizes, "lengths": lengths, "resets": resets, "projected": projected},
            transposed=pack_matrix(blocks.mT, code.layout),
            parameters=parameters,
            products=products,
            states=states,
            d_states=d_states,
            d_outputs=d_outputs.to(factors.dtype).contiguous(),
            d_products=d_products,
            d_product=d_product,
            d_projected=d_projected,
            d_parameters=d_parameters,
            d_start=real.new_empty(batch, len(states), hidden),
            d_operand=real.new_empty(batch, len(blocks), blocks.shape[-1]),
            zeros=real.new_zeros(hidden),
        )
        d_gates = d_products[..., : blocks.shape[1]]  # (time, batch, heads, gates·units)
        if d_projected is None:  # the same, ordered by gates instead of heads
            gates = d_gates.unflatten(-1, (-1, hidden // len(blocks))).transpose(2, 3)
            d_projected = gates.reshape(projected.shape).to(projected.dtype)
        operand = operands[..., : blocks.shape[-1]]
        d_matrix = matrix_gradient(d_gates, operand, ctx.saved.dtype).view(factors.shape)
        d_elementwise = d_parameters.sum(0).split(columns)
        return *[None] * 9, d_projected, d_matrix, *d_states, *d_elementwise


def matrix_gradient(d_gates: Tensor, operand: Tensor, dtype: torch.dtype) -> Tensor:
    """The gradient of R, (heads, gates·units, columns).

    One product for each head: for a single head, torch.bmm is slower than a plain product.

    Args:
        d_gates: (time, batch, heads, gates·units).
        operand: (time, batch, heads, columns).
        dtype: of the result.
    """
    pairs = zip(d_gates.flatten(0, 1).unbind(1), operand.flatten(0, 1).unbind(1), strict=True)
    blocks = [gemm(left.t(), right, dtype=dtype) for left, right in pairs]
    return torch.stack(blocks) if len(blocks) > 1 else blocks[0].unsqueeze(0)


def by_head(matrix: Tensor) -> Tensor:
    """(heads, gates·units, columns); a dense matrix has one head."""
    return matrix.reshape(-1, *matrix.shape[-2:])


def concatenated(parameters: Sequence[Tensor], real: Tensor) -> Tensor:
    """All parameters as one tensor, of the type of `real`."""
    return torch.cat([real.new_empty(0), *parameters]).to(real.dtype)
