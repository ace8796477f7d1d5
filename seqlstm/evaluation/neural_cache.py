"""The continuous cache: tokens that followed similar hidden states become more probable.

Grave, Joulin & Usunier (2017), "Improving neural language models with a continuous cache":

    p_cache(w | h_1..t, x_1..t) ∝ Σ_{i<t} 1[x_{i+1} = w] exp(θ h_t · h_i)
    p(w) = (1 − λ) p_model(w) + λ p_cache(w)

h is the input of the output layer, x are pieces, and i runs over the pairs (h_i, x_{i+1}) that the
cache stores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqlstm.errors import ArgumentError
from seqlstm.evaluation.perplexity import LanguageScores, score_text
from seqlstm.models.batch import Batch
from seqlstm.models.language_model import LanguageModel
from seqlstm.models.output.target_scores import score_targets
from seqlstm.recurrent.state import State
from seqlstm.runtime.device import Precision
from seqlstm.text.tokenizer import Tokenizer

SPAN = 256  # steps of a batch: products with the cache are banded, and waste a span's share


@dataclass(frozen=True)
class NeuralCache:
    """Options of the continuous cache.

    Attributes:
        size: stored pairs, at most.
        flatness: θ: at 0 only the frequency of a piece counts; the larger θ, the more only the most
            similar hidden states do.
        share: λ, the weight of the cache in the mixture; 0 for no cache.

    Raises:
        ArgumentError: a value out of its range.
    """

    size: int = 2000
    flatness: float = 0.3
    share: float = 0.1

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ArgumentError("cache size must be 1 or more")
        if self.flatness < 0:
            raise ArgumentError("cache flatness must be 0 or more")
        if not 0 <= self.share < 1:
            raise ArgumentError("cache share must be at least 0 and less than 1")


class CacheMemory:
    """The latest hidden states and the pieces that followed them, for rows side by side.

    Args:
        options: of the cache.
    """

    def __init__(self, options: NeuralCache) -> None:
        self.options = options
        self.keys: Tensor | None = None  # (rows, size, hidden)
        self.values: Tensor | None = None  # (rows, size)

    def mix(self, features: Tensor, targets: Tensor, log_probs: Tensor) -> Tensor:
        """Log-probabilities of targets under the mixture, (rows, time); the cache then stores them.

        Args:
            features: (rows, time, hidden).
            targets: ids, (rows, time).
            log_probs: of the targets under the model alone, (rows, time).
        """
        empty = self.keys is None
        keys = features if self.keys is None else torch.cat([self.keys, features], dim=1)
        values = targets if self.values is None else torch.cat([self.values, targets], dim=1)
        cached = self.log_probs(features, keys, values, targets)
        share = log_probs.new_tensor(self.options.share)
        mixed = torch.logaddexp((1 - share).log() + log_probs, share.log() + cached)
        if empty:
            mixed[:, 0] = log_probs[:, 0]  # the first target has no pairs before it
        self.keys = keys[:, -self.options.size :]
        self.values = values[:, -self.options.size :]
        return mixed

    def log_probs(self, queries: Tensor, keys: Tensor, values: Tensor, targets: Tensor) -> Tensor:
        """Log-probability of each target under the cache alone, (rows, time).

        `keys` and `values` end with the pairs of the queries; each query uses the pairs before it.
        """
        size, time = keys.shape[1], queries.shape[1]
        index = torch.arange(size, device=keys.device)
        age = index[size - time :].unsqueeze(1) - index  # (time, size)
        similarity = self.options.flatness * queries @ keys.transpose(1, 2)  # (rows, time, size)
        similarity = similarity.masked_fill((age < 1) | (age > self.options.size), -torch.inf)
        others = values.unsqueeze(1) != targets.unsqueeze(2)
        matching = similarity.masked_fill(others, -torch.inf)
        return matching.logsumexp(-1) - similarity.logsumexp(-1)


def score_with_cache(
    model: LanguageModel,
    rows: Sequence[str],
    *,
    options: NeuralCache,
    tokenizer: Tokenizer,
    precision: Precision,
    unit: str,
    streams: int = 1,
) -> LanguageScores:
    """Score a text with a continuous cache of the text before each prediction.

    Args:
        model: in evaluation mode.
        rows: documents or lines.
        options: of the cache.
        tokenizer, precision, unit: as of `score_text`.
        streams: parts of the text that are read side by side, each with a cache of its own.
    """
    cache = CacheMemory(options)

    @torch.no_grad()
    def nats(batch: Batch, state: State | None) -> tuple[float, State | None]:
        with precision.autocast():
            features, state = model.features(batch, state, return_state=True)
            log_probs = score_targets(model.output_layer, features, batch)
        by_row = features.to(log_probs.dtype).view(*batch.inputs.t().shape, -1).transpose(0, 1)
        mixed = cache.mix(by_row, batch.targets, log_probs)
        return -float(mixed.t().flatten()[batch.target_index].double().sum()), state

    method = f"|cache:{options.size},flatness:{options.flatness:g},share:{options.share:g}"
    return score_text(
        model,
        rows,
        tokenizer=tokenizer,
        precision=precision,
        unit=unit,
        streams=streams,
        span=SPAN,
        step=nats,
        method=method,
    )
