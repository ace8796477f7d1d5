"""Several models as one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from seqlstm.decoding.advance import Advance
from seqlstm.kernels.softmax import log_softmax
from seqlstm.recurrent.state import State


def ensemble(advances: Sequence[Advance]) -> Advance:
    """The step of a mixture: at each, the average of the models' probabilities.

    States and memories are tuples of the models' own; without memories, None.
    """

    def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        memories = [None] * len(advances) if memory is None else memory
        each = zip(advances, state, memories, strict=True)
        steps = [one(token, own, its) for one, own, its in each]
        after = tuple(state for _, state in steps)
        return average_log_probs([log_softmax(logits, torch.float32) for logits, _ in steps]), after

    return advance


def average_log_probs(log_probabilities: Sequence[Tensor]) -> Tensor:
    """The logarithm of the average probability, of tensors of one shape."""
    total: Tensor = reduce(torch.logaddexp, log_probabilities)
    return total - torch.tensor(float(len(log_probabilities))).log().to(total)
