"""The native backend: the time loop of an element-wise cell as C code generated for the cell.

The cell's equations are traced, differentiated, printed as C, compiled at the first run and cached.
Each thread runs some rows of the batch through all steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from seqlstm.kernels.compiler import C_TYPES
from seqlstm.kernels.gemm import pack_matrix
from seqlstm.kernels.parameter_cache import cached, cast
from seqlstm.kernels.recurrence import STATE_TYPES, native
from seqlstm.recurrent.backends.base import Backend, BackendError, Call, not_elementwise
from seqlstm.recurrent.backends.native import codegen
from seqlstm.recurrent.backends.native.autograd import RecurrenceFunction, by_head
from seqlstm.recurrent.backends.native.tracing import UntraceableError, trace
from seqlstm.recurrent.backends.torch_fused import TorchFused
from seqlstm.recurrent.cells.base import Cell, ElementwiseCell
from seqlstm.recurrent.cells.lstm import LSTM
from seqlstm.recurrent.state import State


class NativeBackend(Backend):
    """Runs the equations of an `ElementwiseCell` as C."""

    name = "native"

    def __init__(self) -> None:
        self.generated: WeakKeyDictionary[Cell, dict[Any, GeneratedCode]] = WeakKeyDictionary()

    def unsupported_reason(self, cell: Cell, call: Call) -> str | None:
        if reason := not_elementwise(cell):
            return reason
        first = next(cell.parameters())
        if first.device.type != "cpu":
            return f"it is for a CPU, not for {first.device.type}"
        if first.dtype not in STATE_TYPES:
            return f"it computes in float32 or float64, not in {first.dtype}"
        if (products := product_type(first.dtype)) not in C_TYPES:
            return f"it multiplies in float32, float64 or bfloat16, not in {products}"
        if reason := codegen.unavailable_reason():
            return reason
        assert isinstance(cell, ElementwiseCell)
        return self.generate(cell).problem or None

    def not_preferred_reason(self, cell: Cell, call: Call, *, device: str) -> str | None:
        if torch.is_autocast_enabled("cpu") or type(cell) is not LSTM:
            return None
        fused = TorchFused().unsupported_reason(cell, call) is None
        return "slower than torch's own LSTM in float32" if fused else None

    def generate(self, cell: ElementwiseCell) -> GeneratedCode:
        """The cell's equations in C, for its mode (training or evaluation) and type; cached."""
        codes = self.generated.setdefault(cell, {})
        key = cell.training, next(cell.parameters()).dtype
        if key not in codes:
            try:
                codes[key] = GeneratedCode(codegen.equations(trace(cell), cell.operand_parts))
            except UntraceableError as error:
                codes[key] = GeneratedCode(problem=f"the equations use {error}")
        return codes[key]

    def failed(self, cell: Cell, error: OSError) -> BackendError:
        """The error for a cell whose program could not be compiled; a later choice avoids it."""
        problem = f"its C program could not be compiled: {error}"
        codes = self.generated[cell]
        codes[cell.training, next(cell.parameters()).dtype] = GeneratedCode(problem=problem)
        return BackendError(
            f"the backend {self.name} cannot serve: {problem}",
            hint='backend = "auto" uses another one in such a case.',
        )

    def run(
        self,
        cell: Cell,
        inputs: Tensor,
        state: State,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """As `Backend.run`.

        Raises:
            ValueError: sizes or types do not match; the C code would read outside of tensors.
            BackendError: the C code cannot be compiled.
        """
        return self.steps(cell, inputs, state, lengths=lengths, resets=resets)

    def run_reverse(
        self,
        cell: Cell,
        inputs: Tensor,
        state: State,
        *,
        lengths: Tensor | None,
        return_state: bool,
    ) -> tuple[Tensor, State]:
        """As `Backend.run_reverse`, without reversing any tensor.

        Raises:
            ValueError, BackendError: as in `run`.
        """
        return self.steps(cell, inputs, state, lengths=lengths, reverse=True)

    def steps(
        self,
        cell: Cell,
        inputs: Tensor,
        state: State,
        *,
        lengths: Tensor | None,
        resets: Tensor | None = None,
        reverse: bool = False,
    ) -> tuple[Tensor, State]:
        """All steps, forward or in reverse."""
        assert isinstance(cell, ElementwiseCell)
        matrix = cell.recurrent_matrix()
        check(inputs, state, cell=cell, matrix=matrix, lengths=lengths, resets=resets)
        projected = cell.project(inputs).contiguous()
        product = product_type(matrix.dtype)
        equations = self.generate(cell).equations
        try:
            code = native(equations, state[0].dtype, product, projected.dtype)
        except OSError as error:
            raise self.failed(cell, error) from error
        needs_grad = torch.is_grad_enabled()
        factors = matrix.detach().to(product) if needs_grad else cast(matrix, product)
        reset_state = [] if resets is None else list(cell.initial_state(inputs.shape[1]))
        outputs, *last = RecurrenceFunction.apply(  # type: ignore[no-untyped-call]
            code,
            [part.to(state[0].dtype).contiguous() for part in reset_state],
            None if lengths is None else lengths.long().contiguous(),
            None if resets is None else resets.bool().contiguous(),
            needs_grad,
            reverse,
            len(state),
            cached(matrix, code.layout, lambda _: pack_matrix(by_head(factors), code.layout)),
            factors,
            projected,
            matrix,
            *state,
            *cell.elementwise_parameters(),
        )
        return outputs, tuple(last)


@dataclass(frozen=True)
class GeneratedCode:
    """A cell's equations in C; or the reason why they cannot be generated or compiled."""

    equations: str = ""
    problem: str = ""


def product_type(dtype: torch.dtype) -> torch.dtype:
    """The type of a product's factors: autocast's if it would cast them."""
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
    """Check sizes and types.

    Raises:
        ValueError: they do not match.
    """
    steps, batch, _ = inputs.shape
    if not steps:
        raise ValueError("there must be at least one step, were: 0")
    for part in state:
        if part.shape != (batch, cell.hidden_size) or part.dtype != matrix.dtype or part.is_cuda:
            raise ValueError(
                f"each part of the state must be ({batch}, {cell.hidden_size}) in {matrix.dtype} "
                f"on the CPU, was: {tuple(part.shape)} in {part.dtype} on {part.device}"
            )
    if lengths is not None and lengths.shape != (batch,):
        raise ValueError(f"lengths must be ({batch},), were: {tuple(lengths.shape)}")
    if resets is not None and resets.shape != (steps, batch):
        raise ValueError(f"resets must be ({steps}, {batch}), were: {tuple(resets.shape)}")
    *_, columns = matrix.shape
    heads = len(matrix) if matrix.dim() == 3 else 1
    if columns * heads != len(cell.operand_parts) * cell.hidden_size:
        raise ValueError(f"the matrix has {columns * heads} columns, unlike its operand")
