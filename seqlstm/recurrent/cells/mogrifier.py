"""The mogrifier LSTM."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from seqlstm.nn.linear import Linear, linear
from seqlstm.recurrent.cells.base import GatedCell
from seqlstm.recurrent.state import State

MAX_ROUNDS = 100
"""Rounds are modules of Python: more of them would take long to build."""


class MogrifierLSTM(GatedCell):
    """The mogrifier LSTM (Melis, Kočiský & Blunsom, 2020): input and state first gate each other.

        x = 2σ(Q_r h) ∘ x   for r = 1, 3, ...     h = 2σ(R_r x) ∘ h   for r = 2, 4, ...

    starting from x_t and h_{t-1}; then the LSTM, with the resulting x and h:

        i, f, o = σ(W x + R h + b)                g = tanh(W x + R h + b)
        c_t = f ∘ c_{t-1} + i ∘ g                 h_t = o ∘ tanh(c_t)

    The factor 2 makes the gating near 1 at first. The paper does not give the distribution of Q and
    R; here Q h and R x start with a tenth of the deviation of h and x. (The authors' program adds a
    bias to each round and limits i to 1 − f; the paper's equations do not.)

    Args:
        input_size: features of one input.
        hidden_size: features of one output, and of the memory c.
        rounds: number of gatings before each step; with 0 the cell is an LSTM.
        rank: Q and R are products of two matrices of this rank; 0 for one full matrix.
        forget_bias: initial bias of the forget gate.

    Raises:
        ValueError: negative rounds or rank, or more than `MAX_ROUNDS`.
    """

    paper = "Melis, Kočiský & Blunsom"
    year = 2020
    state_names = ("h", "c")
    gates = ("input", "forget", "candidate", "output")
    loop_only_reason = "the state gates the input, so W·x depends on the state"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        rounds: int = 5,
        rank: int = 0,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        if rounds > MAX_ROUNDS:
            raise ValueError(f"rounds must be at most {MAX_ROUNDS}, was: {rounds}")
        for name, size in (("rounds", rounds), ("rank", rank)):
            if size < 0:
                raise ValueError(f"{name} must not be negative, was: {size}")
        inner = [rank] if rank else []
        self.rounds = nn.ModuleList(  # Q_1, R_2, Q_3, ...
            linear_chain(input_size, *inner, hidden_size)
            if index % 2
            else linear_chain(hidden_size, *inner, input_size)
            for index in range(rounds)
        )
        self.gate(self.bias, "forget").fill_(forget_bias)

    def project(self, inputs: Tensor) -> Tensor:
        """The inputs unchanged: the state gates them before the product with W."""
        return inputs

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        x = projected.to(c.dtype)
        for index, matrix in enumerate(self.rounds):
            if index % 2:
                h = 2 * matrix(x).sigmoid() * h
            else:
                x = 2 * matrix(h).sigmoid() * x
        from_input = linear(x, self.input, self.bias)
        from_state = linear(h, self.recurrent)
        i, f, g, o = (from_input + from_state).to(c.dtype).chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, (h, c)


def linear_chain(*sizes: int) -> nn.Sequential:
    """Linear layers without bias, from the first size to the last.

    At first they map inputs of deviation 1 to outputs of deviation 0.1.
    """
    layers = [Linear(inputs, outputs, bias=False) for inputs, outputs in pairwise(sizes)]
    for layer in layers:
        nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
    nn.init.normal_(layers[-1].weight, std=0.1 * layers[-1].in_features ** -0.5)
    return nn.Sequential(*layers)
