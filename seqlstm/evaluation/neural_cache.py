"""The continuous cache: tokens that followed similar hidden states become more probable.

Grave, Joulin & Usunier (2017), "Improving neural language models with a continuous cache":

    p_cache(w | h_1..t, x_1..t) ∝ Σ_{i<t} 1[x_{i+1} = w] exp(θ h_t · h_i)
    p(w) = (1 − λ) p_model(w) + λ p_cache(w)

h are the inputs of the output layer, x are pieces, and the sum is over the pairs (h_i, x_{i+1}) in
the cache.
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

SPAN = 256  # steps of a batch; each query is multiplied with SPAN keys more than it uses


@dataclass(frozen=True)
class NeuralCache:
    """Options of the continuous cache.

    Attributes:
        size: maximum number of stored pairs.
        flatness: θ: at 0 all pairs have the same weight; the larger θ, the more weight the most
            similar hidden states have.
        share: λ, the weight of the cache in the mixture; 0 for no cache.

    Raises:
        ArgumentError: a value is out of its range.
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
    """The latest hidden states of each row, and the pieces that followed them.

    Args:
        options: of the cache.
    """

    def __init__(self, options: NeuralCache) -> None:
        self.options = options
        self.keys: Tensor | None = None  # (rows, size, hidden)
        self.values: Tensor | None = None  # (rows, size)

    def mix(self, features: Tensor, targets: Tensor, log_probs: Tensor) -> Tensor:
        """Log-probabilities of targets under the mixture, (rows, time); then store their pairs.

        Args:
            features: (rows, time, hidden).
            targets: ids, (rows, time).
            log_probs: of the targets under the model without the cache, (rows, time).
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
        """Log-probability of each target under p_cache, (rows, time).

        The last pairs of `keys` and `values` are those of the queries; each query uses only the
        `size` pairs before its own.
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
    """Score a text with a continuous cache.

    Args:
        model: in evaluation mode.
        rows: documents or lines.
        options: of the cache.
        tokenizer, precision, unit: as of `score_text`.
        streams: parts of the text that are read in parallel, each with its own cache.
    """
    cache = CacheMemory(options)

    @torch.no_grad()
    def score_and_store(batch: Batch, state: State | None) -> tuple[float, State | None]:
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
        step=score_and_store,
        method=method,
    )
