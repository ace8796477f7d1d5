"""The residual blocks of xLSTM (Beck et al., 2024): layers, not cells.

A block returns its branch H(x); the stack adds it to x.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqlstm.nn.linear import Linear, linear
from seqlstm.recurrent.blocks.causal_conv import CausalConvolution
from seqlstm.recurrent.cells.mlstm import MatrixMemory, init_gate_biases
from seqlstm.recurrent.cells.slstm import SLSTM
from seqlstm.recurrent.layer import Layer, Recurrent
from seqlstm.recurrent.state import State

BLOCK = 4  # rows and columns of the blocks of the projections to q and k


class HeadNorm(nn.Module):
    """Group normalization of (..., width), head by head.

    Raises:
        ValueError: heads of one feature, which normalization would make zero.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if heads == width:
            raise ValueError(f"heads must be fewer than the {width} features, were: {heads}")
        self.normalize = nn.GroupNorm(heads, width)

    def forward(self, outputs: Tensor) -> Tensor:
        normalized: Tensor = self.normalize(outputs.flatten(0, -2))
        return normalized.view_as(outputs)


class FeedForward(nn.Module):
    """A gated feed-forward layer of factor 4/3: W_down (GELU(W_gate u) ∘ W_up u), u = LN(x)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = 4 * width // 3
        self.normalize = nn.LayerNorm(width)
        self.up = Linear(width, 2 * inner)
        self.down = Linear(inner, width)

    def forward(self, inputs: Tensor) -> Tensor:
        gate, values = self.up(self.normalize(inputs)).chunk(2, dim=-1)
        outputs: Tensor = self.down(nn.functional.gelu(gate) * values)
        return outputs


class BlockLinear(nn.Module):
    """A linear map of (..., width) whose matrix is block-diagonal, in blocks of 4 by 4.

    Raises:
        ValueError: 4 does not divide the width.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        if width % BLOCK:
            raise ValueError(f"an mLSTM block needs a multiple of {BLOCK} features, not {width}")
        self.blocks = nn.Parameter(torch.empty(width // BLOCK, BLOCK, BLOCK))  # (…, to, from)
        bound = (6 / (2 * BLOCK)) ** 0.5  # `nn.init.xavier_uniform_` of each block, at once
        nn.init.uniform_(self.blocks, -bound, bound)

    def forward(self, inputs: Tensor) -> Tensor:
        parts = torch.unflatten(inputs, -1, (-1, BLOCK))
        return torch.einsum("...gi,goi->...go", parts, self.blocks).flatten(-2)


class QKVMemory(MatrixMemory):
    """A matrix memory whose input is q, k and v, concatenated; its gates read all three."""

    def __init__(self, hidden_size: int, *, heads: int) -> None:
        super().__init__(3 * hidden_size, hidden_size, heads=heads)
        self.input = nn.Parameter(torch.zeros(2 * heads, 3 * hidden_size))
        self.bias = nn.Parameter(torch.empty(2 * heads))
        init_gate_biases(self.bias, self.forget)

    def project(self, inputs: Tensor) -> Tensor:
        return torch.cat([inputs, linear(inputs, self.input, self.bias)], dim=-1)


class SLSTMBlock(Layer):
    """sLSTM in a residual block, then a gated feed-forward of factor 4/3 (Beck et al., 2024).

        a = GN(sLSTM(LN(x)))
        H(x) = a + W_down (GELU(W_gate u) ∘ W_up u) where u = LN(x + a)

    GN normalises head by head. The paper's optional convolution before the gates is left out.

    Args:
        input_size: features of one input, and of one output.
        heads: of the sLSTM; they must divide `input_size`.
        backend: "auto" or a backend by name.

    Raises:
        ValueError: heads that do not divide `input_size`.
    """

    paper = "Beck et al."
    year = 2024

    def __init__(self, input_size: int, *, heads: int = 4, backend: str = "auto") -> None:
        super().__init__()
        self.normalize = nn.LayerNorm(input_size)
        self.memory = Recurrent(SLSTM(input_size, input_size, heads=heads), backend=backend)
        self.normalize_heads = HeadNorm(input_size, heads)
        self.forwards = FeedForward(input_size)

    @property
    def core(self) -> Layer:
        return self.memory

    def forward(
        self, inputs: Tensor, state: State | None = None, **options: Any
    ) -> tuple[Tensor, State | None]:
        """As `Recurrent.forward`."""
        outputs, state = self.memory(self.normalize(inputs), state, **options)
        outputs = self.normalize_heads(outputs)
        return outputs + self.forwards(inputs + outputs), state


class MLSTMBlock(Layer):
    """mLSTM inside a residual block that projects up by 2 (Beck et al., 2024).

        u, z = W_up LN(x)                       a = SiLU(convolution of u over time)
        q, k = blocks of 4 · a, v = u           r = GN(mLSTM(q, k, v)) + s ∘ a
        H(x) = W_down (r ∘ SiLU(z))

    The convolution is causal and reads each feature alone. GN normalises head by head; s is a
    learned skip; the gates ĩ and f̃ read q, k and v. SiLU(z) takes the place of the output gate.

    The state is the convolution's last inputs, (batch, conv_kernel_size − 1, features of u), and
    the memory's state.

    Args:
        input_size: features of one input, and of one output.
        heads: of the memory; they must divide `proj_factor · input_size`, and so must 4.
        backend: "auto" or a backend by name.
        conv_kernel_size: steps that one output of the convolution reads.
        proj_factor: of the projection up.

    Raises:
        ValueError: the heads, or 4, do not divide `proj_factor · input_size`.
    """

    paper = "Beck et al."
    year = 2024

    def __init__(
        self,
        input_size: int,
        *,
        heads: int = 4,
        backend: str = "auto",
        conv_kernel_size: int = 4,
        proj_factor: int = 2,
    ) -> None:
        super().__init__()
        inner = proj_factor * input_size
        self.normalize = nn.LayerNorm(input_size)
        self.up = Linear(input_size, 2 * inner, bias=False)
        self.convolution = CausalConvolution(inner, conv_kernel_size)
        self.query = BlockLinear(inner)
        self.key = BlockLinear(inner)
        self.memory = Recurrent(QKVMemory(inner, heads=heads), backend=backend)
        self.normalize_heads = HeadNorm(inner, heads)
        self.skip = nn.Parameter(torch.ones(inner))
        self.down = Linear(inner, input_size, bias=False)

    @property
    def core(self) -> Layer:
        return self.memory

    @property
    def output(self) -> int:
        return self.down.out_features

    @property
    def state_names(self) -> tuple[str, ...]:
        return "window", *self.core.state_names

    def initial_state(self, batch: int) -> State:
        """Zeros for the convolution, and the initial state of the memory."""
        return self.convolution.initial_state(batch), self.core.initial_state(batch)

    def forward(
        self,
        inputs: Tensor,
        state: State | None = None,
        *,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        return_state: bool = True,
    ) -> tuple[Tensor, State | None]:
        """As `Recurrent.forward`."""
        window, memory_state = state or self.initial_state(inputs.shape[1])
        values, gate = self.up(self.normalize(inputs)).chunk(2, dim=-1)
        convolved, window = self.convolution(values, window, lengths=lengths, resets=resets)
        convolved = nn.functional.silu(convolved)
        qkv = torch.cat([self.query(convolved), self.key(convolved), values], dim=-1)
        outputs, memory_state = self.memory(
            qkv, memory_state, lengths=lengths, resets=resets, return_state=return_state
        )
        outputs = self.normalize_heads(outputs) + self.skip * convolved
        outputs = self.down(outputs * nn.functional.silu(gate))
        return outputs, (window, memory_state) if return_state else None


def xlstm_block(
    index: int,
    input_size: int,
    backend: str = "auto",
    *,
    mlstm: int = 7,
    slstm: int = 1,
    heads: int = 4,
    conv_kernel_size: int = 4,
    proj_factor: int = 2,
) -> SLSTMBlock | MLSTMBlock:
    """Block `index` of an xLSTM[mlstm:slstm]: mLSTM blocks, then sLSTM blocks, repeated.

    Args:
        index: from 0, counted from the input.
        input_size: features of one input, and of one output.
        backend: "auto" or a backend by name.
        mlstm: mLSTM blocks in a row.
        slstm: sLSTM blocks in a row.
        heads: of each block's memory.
        conv_kernel_size: steps that one output of an mLSTM block's convolution reads.
        proj_factor: of an mLSTM block's projection up.

    Raises:
        ValueError: a negative count, no block at all, or sizes that a block does not allow.
    """
    if min(mlstm, slstm) < 0 or mlstm + slstm == 0:
        raise ValueError(
            f"mlstm and slstm must count at least one block, were: {mlstm} and {slstm}"
        )
    if index % (mlstm + slstm) >= mlstm:
        return SLSTMBlock(input_size, heads=heads, backend=backend)
    return MLSTMBlock(
        input_size,
        heads=heads,
        backend=backend,
        conv_kernel_size=conv_kernel_size,
        proj_factor=proj_factor,
    )
