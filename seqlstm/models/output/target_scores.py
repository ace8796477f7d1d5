"""Log-probabilities of the targets."""

from __future__ import annotations

import torch
from torch import Tensor

from seqlstm.models.batch import Batch
from seqlstm.models.output.softmax import OutputLayer


def score_targets(output_layer: OutputLayer, features: Tensor, batch: Batch) -> Tensor:
    """Log-probability of every target, (batch, time), 0 at padding; 1,024 tokens at a time."""
    rows, time = batch.targets.shape
    targets = batch.targets.t().flatten()[batch.target_index]
    scores = torch.zeros(time * rows, dtype=output_layer.bias.dtype, device=features.device)
    for part in torch.split(torch.arange(batch.tokens, device=features.device), 1024):
        index = batch.target_index[part]
        log_probs = output_layer(features[index]).to(scores.dtype).log_softmax(-1)
        scores[index] = log_probs.gather(1, targets[part].unsqueeze(1)).squeeze(1)
    return scores.view(time, rows).t()
