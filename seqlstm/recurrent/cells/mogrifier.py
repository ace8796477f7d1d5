"""The mogrifier."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from seqlstm.nn.linear import Linear, linear
from seqlstm.recurrent.cells.base import GatedCell
from seqlstm.recurrent.state import State


class MogrifierLSTM(GatedCell):
    """The mogrifier (Melis, Kočiský & Blunsom, 2020): input and state gate each other beforehand.

        x = 2σ(Q_r h) ∘ x   for r = 1, 3, ...     h = 2σ(R_r x) ∘ h   for r = 2, 4, ...

    starting from x_t and h_{t-1}; then, with the x and h that come out, the LSTM:

        i, f, o = σ(W x + R h + b)                g = tanh(W x + R h + b)
        c_t = f ∘ c_{t-1} + i ∘ g                 h_t = o ∘ tanh(c_t)

    With the 2, random Q and R change little at first; the paper does not give their distribution.
    Here Q h and R x start with a tenth of the deviation of their inputs. (The authors' program adds
    a bias to each round and caps i at 1 − f; the paper's equations don't.)

    Args:
        input_size: features of one input.
        hidden_size: features of one output, and of the memory c.
        rounds: gatings before each step; 0 leaves an LSTM.
        rank: Q and R are products of two matrices with so many features between them; 0 for
            one full matrix.
        forget_bias: where the forget gate's bias starts.

    Raises:
        ValueError: negative rounds or rank.
    """

    paper = "Melis, Kočiský & Blunsom"
    year = 2020
    state_names = ("h", "c")
    gates = ("input", "forget", "candidate", "output")
    loop_only_reason = "the state gates the input, so that no product can be taken before its step"

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
        for name, size in (("rounds", rounds), ("rank", rank)):
            if size < 0:
                raise ValueError(f"{name} must not be negative, was: {size}")
        between = [rank] if rank else []
        self.rounds = nn.ModuleList(  # Q_1, R_2, Q_3, ...
            product(input_size, *between, hidden_size)
            if index % 2
            else product(hidden_size, *between, input_size)
            for index in range(rounds)
        )
        self.gate(self.bias, "forget").fill_(forget_bias)

    def project(self, inputs: Tensor) -> Tensor:
        """The inputs as they are: the state changes them before they meet W."""
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


def product(*features: int) -> nn.Sequential:
    """Matrices from the first number of features to the last, one after the other.

    What they read with deviation 1 leaves them with deviation 0.1 at first.
    """
    layers = [Linear(reads, gives, bias=False) for reads, gives in pairwise(features)]
    for layer in layers:
        nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
    nn.init.normal_(layers[-1].weight, std=0.1 * layers[-1].in_features ** -0.5)
    return nn.Sequential(*layers)
