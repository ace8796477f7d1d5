"""The cells by the name that a recipe gives them."""

from __future__ import annotations

from collections.abc import Callable

from seqlstm.recurrent.cell import Cell
from seqlstm.recurrent.convolutional import Convolutional
from seqlstm.recurrent.coupled import Coupled
from seqlstm.recurrent.elapsed import TimeAware
from seqlstm.recurrent.elman import Elman
from seqlstm.recurrent.greff import greff
from seqlstm.recurrent.gru import gru
from seqlstm.recurrent.lstm import LSTM
from seqlstm.recurrent.minimal import MinGRU, MinLSTM
from seqlstm.recurrent.mlstm import MLSTM
from seqlstm.recurrent.mogrifier import Mogrifier
from seqlstm.recurrent.multiplicative import Multiplicative
from seqlstm.recurrent.normalized import LayerNormLSTM
from seqlstm.recurrent.original import Original
from seqlstm.recurrent.peephole import peephole
from seqlstm.recurrent.slstm import SLSTM
from seqlstm.recurrent.xlstm import MLSTMBlock, SLSTMBlock, xlstm_block

CELLS: dict[str, Callable[..., Cell]] = {
    "lstm": LSTM,
    "gru": gru,
    "elman": Elman,
    "original": Original,
    "peephole": peephole,
    "coupled": Coupled,
    "greff": greff,
    "timeaware": TimeAware,
    "layernorm": LayerNormLSTM,
    "mogrifier": Mogrifier,
    "multiplicative": Multiplicative,
    "convolutional": Convolutional,
    "slstm": SLSTM,
    "mlstm": MLSTM,
    "mingru": MinGRU,
    "minlstm": MinLSTM,
}

# Residual blocks: in a recipe they stand where a cell does.
BLOCKS: dict[str, Callable[..., SLSTMBlock | MLSTMBlock]] = {"xlstm": xlstm_block}
