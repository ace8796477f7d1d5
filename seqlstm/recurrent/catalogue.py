"""The cells by the name that a recipe gives them."""

from __future__ import annotations

from collections.abc import Callable

from seqlstm.recurrent.cell import Cell
from seqlstm.recurrent.elman import Elman
from seqlstm.recurrent.gru import gru
from seqlstm.recurrent.lstm import LSTM

CELLS: dict[str, Callable[..., Cell]] = {
    "lstm": LSTM,
    "gru": gru,
    "elman": Elman,
}
