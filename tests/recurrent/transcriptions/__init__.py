"""From a cell of the package to the scalar transcription of its paper, with the same weights.

One file a family of cells: its table maps the name of a cell to a function of a cell and its
options that gives a function of one row's inputs and state, all of them lists.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seqlstm.recurrent.cells.base import Cell
from tests.oracles import Result
from tests.recurrent.transcriptions import classical, exponential, minimal, modulated

Transcription = Callable[[Cell, dict[str, Any]], Callable[..., Result]]

TRANSCRIPTIONS: dict[str, Transcription] = {
    **classical.TRANSCRIPTIONS,
    **modulated.TRANSCRIPTIONS,
    **exponential.TRANSCRIPTIONS,
    **minimal.TRANSCRIPTIONS,
}
