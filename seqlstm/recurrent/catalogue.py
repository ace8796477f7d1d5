"""The cells by the name that a recipe gives them."""

from __future__ import annotations

from seqlstm.recurrent.cell import Cell
from seqlstm.recurrent.elman import Elman
from seqlstm.recurrent.gru import GRU
from seqlstm.recurrent.lstm import LSTM

CELLS: dict[str, type[Cell]] = {
    "lstm": LSTM,
    "gru": GRU,
    "elman": Elman,
}
