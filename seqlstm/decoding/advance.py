"""The step function of a model, which is all that decoding needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor

from seqlstm.recurrent.state import State

Advance: TypeAlias = Callable[[Tensor, State, State | None], tuple[Tensor, State]]
"""`advance(token, state, memory) -> (logits, state)`: one decoding step of every row.

`token` is (rows,), `logits` are (rows, vocabulary), and `state` has `rows` rows. `memory` never
changes and has one row for each sentence: row `r` belongs to sentence `r // (rows // sentences)`.
It is None for a language model.
"""
