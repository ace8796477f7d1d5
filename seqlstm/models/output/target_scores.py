"""Log-probabilities of given targets."""

from __future__ import annotations

import torch
from torch import Tensor

from seqlstm.models.batch import Batch
from seqlstm.models.output.softmax import OutputLayer


def score_targets(readout: OutputLayer, features: Tensor, batch: Batch) -> Tensor:
    """Log-probability of every target, (batch, time), 0 at padding; a slice of steps at a time."""
    rows, time = batch.targets.shape
    targets = batch.targets.t().flatten()[batch.target_index]
    scores = torch.zeros(time * rows, dtype=readout.bias.dtype, device=features.device)
    for real in torch.split(torch.arange(batch.tokens, device=features.device), 1024):
        place = batch.target_index[real]
        chances = readout(features[place]).to(scores.dtype).log_softmax(-1)
        scores[place] = chances.gather(1, targets[real].unsqueeze(1)).squeeze(1)
    return scores.view(time, rows).t()
