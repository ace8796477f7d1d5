"""torch's fused LSTM and GRU (cuDNN, oneDNN), for the two cells with the same equations."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from seqlstm.recurrent.backends.base import Backend, Call
from seqlstm.recurrent.cells.base import Cell, GatedCell
from seqlstm.recurrent.cells.gru import ResetAfterGRU
from seqlstm.recurrent.cells.lstm import LSTM
from seqlstm.recurrent.state import State, map_state


class TorchFused(Backend):
    """Hands the cell's own parameters to torch's fused kernels."""

    name = "torch-fused"

    def unsupported_reason(self, cell: Cell, call: Call) -> str | None:
        # Not a subclass: it may have changed the equations.
        if type(cell) not in (LSTM, ResetAfterGRU):
            return f"torch has no fused {type(cell).__name__}"
        if call.resets:
            return "the fused kernels cannot reset the state inside a span"
        if call.lengths and call.return_state:
            return "the fused kernels return no state between steps, so none of a shorter row"
        on_cpu = cell.bias.device.type == "cpu" and cell.bias.dtype == torch.float32
        if type(cell) is LSTM and on_cpu and torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu")
            if not has_fused_lstm(dtype):
                return f"oneDNN has no LSTM in {dtype} for this processor"
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
        dtype = cuda_dtype(inputs)
        if dtype is not None:
            with torch.autocast("cuda", enabled=False):
                return self.fused(cell, inputs.to(dtype), state, dtype)
        assert isinstance(cell, GatedCell)
        return self.fused(cell, inputs, state, cell.bias.dtype)

    def fused(
        self, cell: Cell, inputs: Tensor, state: State, dtype: torch.dtype
    ) -> tuple[Tensor, State]:
        """The kernel's outputs and last state, in `dtype`, or in that of CPU autocast."""
        initial = map_state(lambda tensor: tensor.unsqueeze(0).to(dtype), state)
        if isinstance(cell, LSTM):
            zeros = torch.zeros_like(cell.bias)
            weights = [w.to(dtype) for w in (cell.input, cell.recurrent, cell.bias, zeros)]
            outputs, *last = torch.lstm(
                inputs, initial, weights, True, 1, 0.0, self.trains(cell), False, False
            )
        else:
            assert isinstance(cell, ResetAfterGRU)
            zeros = cell.bias.new_zeros(2 * cell.hidden_size)
            bias = torch.cat([zeros, cell.recurrent_bias])
            weights = [w.to(dtype) for w in (cell.input, cell.recurrent, cell.bias, bias)]
            outputs, *last = torch.gru(
                inputs, initial[0], weights, True, 1, 0.0, self.trains(cell), False, False
            )
        # States keep the parameters' type, also where autocast changes that of the outputs.
        return outputs, tuple(part.squeeze(0).to(cell.bias.dtype) for part in last)

    @staticmethod
    def trains(cell: Cell) -> bool:
        """Whether to run in training mode, in which cuDNN saves tensors for a backward pass."""
        return cell.training or torch.is_grad_enabled()


@cache
def has_fused_lstm(dtype: torch.dtype) -> bool:
    """Whether oneDNN computes an LSTM under CPU autocast in `dtype`: one step is tried.

    In bfloat16 it needs AVX-512, but no bfloat16 instructions.
    """
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast("cpu", dtype):
        zeros = torch.zeros(1, 1, 1, device="cpu")
        matrix = torch.zeros(4, 1, device="cpu", requires_grad=True)
        weights = [matrix, matrix, matrix[:, 0], matrix[:, 0]]
        try:
            torch.lstm(zeros, (zeros, zeros), weights, True, 1, 0.0, True, False, False)
        except RuntimeError:
            return False
    return True


def cuda_dtype(inputs: Tensor) -> torch.dtype | None:
    """The type of the computation under autocast on a GPU; None elsewhere.

    torch's own autocast runs cuDNN's recurrences in float16, whatever its dtype. cuDNN before 9.13
    has no bfloat16 recurrences.
    """
    if not (inputs.is_cuda and torch.is_autocast_enabled("cuda")):
        return None
    version = torch.backends.cudnn.version() or 0  # type: ignore[no-untyped-call]
    return torch.get_autocast_dtype("cuda") if version >= 91300 else torch.float32
