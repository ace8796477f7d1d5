"""The cells and blocks by their names in recipes.

To add a cell, write a class in `cells/`, as `cells/base.py` describes, and add a line here.
"""

from __future__ import annotations

from collections.abc import Callable

from seqlstm.recurrent.blocks.xlstm import MLSTMBlock, SLSTMBlock, xlstm_block
from seqlstm.recurrent.cells.base import Cell
from seqlstm.recurrent.cells.cifg import CIFG
from seqlstm.recurrent.cells.conv_lstm import ConvLSTM
from seqlstm.recurrent.cells.elman import Elman
from seqlstm.recurrent.cells.gru import gru
from seqlstm.recurrent.cells.layer_norm_lstm import LayerNormLSTM
from seqlstm.recurrent.cells.lstm import LSTM
from seqlstm.recurrent.cells.lstm_1997 import LSTM1997
from seqlstm.recurrent.cells.min_rnn import MinGRU, MinLSTM
from seqlstm.recurrent.cells.mlstm import MLSTM
from seqlstm.recurrent.cells.mogrifier import MogrifierLSTM
from seqlstm.recurrent.cells.multiplicative_lstm import MultiplicativeLSTM
from seqlstm.recurrent.cells.odyssey import odyssey
from seqlstm.recurrent.cells.peephole import peephole
from seqlstm.recurrent.cells.slstm import SLSTM
from seqlstm.recurrent.cells.time_aware_lstm import TimeAwareLSTM

CELLS: dict[str, Callable[..., Cell]] = {
    "lstm": LSTM,
    "gru": gru,
    "elman": Elman,
    "lstm-1997": LSTM1997,
    "peephole": peephole,
    "cifg": CIFG,
    "odyssey": odyssey,
    "time-aware": TimeAwareLSTM,
    "layer-norm": LayerNormLSTM,
    "mogrifier": MogrifierLSTM,
    "multiplicative": MultiplicativeLSTM,
    "convolutional": ConvLSTM,
    "slstm": SLSTM,
    "mlstm": MLSTM,
    "mingru": MinGRU,
    "minlstm": MinLSTM,
}

# Residual blocks: a recipe names one in place of a cell.
BLOCKS: dict[str, Callable[..., SLSTMBlock | MLSTMBlock]] = {"xlstm": xlstm_block}
