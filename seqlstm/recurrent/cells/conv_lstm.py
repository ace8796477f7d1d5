"""Convolutional long short-term memory."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.state import State


class ConvLSTM(Cell):
    """Convolutional long short-term memory (Shi et al., 2015), with its peepholes.

        i, f = σ(W ∗ x_t + U ∗ h_{t-1} + V ∘ c_{t-1} + b)
        c_t = f ∘ c_{t-1} + i ∘ tanh(W_c ∗ x_t + U_c ∗ h_{t-1} + b_c)
        o = σ(W_o ∗ x_t + U_o ∗ h_{t-1} + V_o ∘ c_t + b_o)
        h_t = o ∘ tanh(c_t)

    ∗ is a convolution over a line or an image, padded with zeros so that the size stays the same;
    as usual in deep learning, the kernel is not flipped. V has a weight for each channel and
    position, so the extent is fixed.

    The features of the input, the output and the memory are flattened from (channels, positions) or
    (channels, rows, columns). W is initialized after
    Glorot & Bengio (2010), U is orthogonal for each gate, and V and b are zero.

    Args:
        input_size: features of one input: its channels times the positions.
        hidden_size: features of one output and of the memory c: channels times positions.
        extent: positions of the line, or rows and columns of the image.
        kernel: size of the kernel along each axis, odd.
        forget_bias: initial bias of the forget gate.

    Raises:
        ValueError: an extent of more than two sizes, an even kernel, or sizes that do not divide.
    """

    paper = "Shi et al."
    year = 2015
    state_names = ("h", "c")
    loop_only_reason = "its recurrent product is a convolution"
    required_input = "features over positions, which the embedding of a token does not have"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        extent: list[int],
        kernel: int = 3,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.extent = tuple(extent)
        if len(self.extent) not in (1, 2) or min(self.extent) < 1:
            raise ValueError(f"extent must be one or two positive sizes, was: {extent}")
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel must be odd and positive, was: {kernel}")
        self.kernel = kernel
        self.convolve = nn.functional.conv1d if len(self.extent) == 1 else nn.functional.conv2d
        input_channels = self.channels(input_size, "input_size")
        channels = self.channels(hidden_size, "hidden_size")
        kernels = [kernel] * len(self.extent)
        self.input = nn.Parameter(torch.empty(4 * channels, input_channels, *kernels))
        self.recurrent = nn.Parameter(torch.empty(4 * channels, channels, *kernels))
        self.peephole = nn.Parameter(torch.zeros(3 * hidden_size))
        self.bias = nn.Parameter(torch.zeros(4 * channels))
        for gate in range(4):  # input, forget, candidate, output
            nn.init.xavier_uniform_(self.input.detach().chunk(4)[gate])
            nn.init.orthogonal_(self.recurrent.detach().chunk(4)[gate])
        self.bias.detach().chunk(4)[1].fill_(forget_bias)

    def channels(self, features: int, name: str) -> int:
        """The number of channels: features divided by positions."""
        positions = math.prod(self.extent)
        if features % positions:
            raise ValueError(
                f"{name} must be a multiple of the {positions} positions, was: {features}"
            )
        return features // positions

    def initial_state(self, batch: int) -> State:
        """Zeros, in the type and on the device of the parameters."""
        return tuple(self.bias.new_zeros(batch, self.hidden_size) for _ in self.state_names)

    def project(self, inputs: Tensor) -> Tensor:
        """W ∗ x + b for all steps at once, (time, batch, 4 · hidden)."""
        gates = self.gates(inputs.flatten(0, 1), self.input, self.bias)
        return gates.view(*inputs.shape[:2], 4 * self.hidden_size)

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        sums = projected.to(c.dtype) + self.gates(h, self.recurrent).to(c.dtype)
        i, f, g, o = sums.chunk(4, dim=-1)
        V_i, V_f, V_o = self.peephole.chunk(3)
        i, f = (i + V_i * c).sigmoid(), (f + V_f * c).sigmoid()
        c = f * c + i * g.tanh()
        o = (o + V_o * c).sigmoid()
        h = o * c.tanh()
        return h, (h, c)

    def gates(self, features: Tensor, kernels: Tensor, bias: Tensor | None = None) -> Tensor:
        """The convolutions of all four gates: flat features -> (rows, 4 · hidden)."""
        unflattened = features.view(len(features), kernels.shape[1], *self.extent)
        return self.convolve(unflattened, kernels, bias, padding=self.kernel // 2).flatten(1)
