"""Ensembles: the average of the probabilities of several models."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from seqlstm.kernels.softmax import log_softmax


def ensemble_log_probs(logits: Sequence[Tensor]) -> Tensor:
    """Log-probabilities of an ensemble, from the logits of each model."""
    return average_log_probs([log_softmax(part, torch.float32) for part in logits])


def average_log_probs(log_probs: Sequence[Tensor]) -> Tensor:
    """The logarithm of the average probability, element by element; all have the same shape."""
    total: Tensor = reduce(torch.logaddexp, log_probs)
    return total - torch.tensor(float(len(log_probs))).log().to(total)
