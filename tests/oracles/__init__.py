"""The recurrences of the literature once more, one number at a time.

Plain Python floats, lists and loops: no tensor, no broadcasting, no batch, nothing shared with the
package. Each function reads one sequence and returns its outputs and its last state, so that a
cell can be held against its paper instead of against itself.

Everywhere: `inputs` is a list over time of vectors, `state` a tuple of vectors (the matrix memory's
is nested once more, by head), and `weights` maps the name of a gate, `input`, `forget`, `candidate`
or `output`, to its `Gate`. In the equations x is the input, h the hidden state, c the cell.
"""

from __future__ import annotations

from tests.oracles.adapted import mogrifier, multiplicative, timeaware
from tests.oracles.arithmetic import (
    Affine,
    Gate,
    Matrix,
    Result,
    Vector,
    Weights,
    activation,
    each,
    product,
    sigmoid,
    total,
)
from tests.oracles.blocks import mlstm_block, slstm_block
from tests.oracles.classical import coupled, lstm, original
from tests.oracles.convolutional import convolutional
from tests.oracles.exponential import Memory, mlstm, slstm, slstm_plain
from tests.oracles.minimal import mingru, minlstm
from tests.oracles.normalized import layernorm
from tests.oracles.odyssey import greff
from tests.oracles.peephole import peephole, peephole_cell
from tests.oracles.simple import elman, gru_after, gru_before

__all__ = [
    "Affine",
    "Gate",
    "Matrix",
    "Memory",
    "Result",
    "Vector",
    "Weights",
    "activation",
    "convolutional",
    "coupled",
    "each",
    "elman",
    "greff",
    "gru_after",
    "gru_before",
    "layernorm",
    "lstm",
    "mingru",
    "minlstm",
    "mlstm",
    "mlstm_block",
    "mogrifier",
    "multiplicative",
    "original",
    "peephole",
    "peephole_cell",
    "product",
    "sigmoid",
    "slstm",
    "slstm_block",
    "slstm_plain",
    "timeaware",
    "total",
]
