"""The one verb that decoding knows of a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor

from seqlstm.recurrent.state import State

Advance: TypeAlias = Callable[[Tensor, State, State | None], tuple[Tensor, State]]
"""`advance(token, state, memory) -> (logits, state)`: one more piece for every row.

`token` is (rows,), `logits` (rows, vocabulary), and `state` has `rows` rows. `memory` never changes
and has one row a sentence: row `r` belongs to sentence `r // (rows // sentences)`. A language model
has none.
"""
