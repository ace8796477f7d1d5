"""The continuous cache: what followed the latest like moments is likelier to follow again.

Grave, Joulin & Usunier (2017), "Improving neural language models with a continuous cache":

    p_cache(w | h_1..t, x_1..t) ∝ Σ_{i<t} 1[x_{i+1} = w] exp(θ h_t · h_i)
    p(w) = (1 − λ) p_model(w) + λ p_cache(w)

h is what the readout reads, x are pieces, and i goes back over the last pairs (h_i, x_{i+1}) that
the cache holds. What is told is a distribution over pieces, of whatever kind: texts' probabilities
follow as ever.
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

SPAN = 256  # steps at once: the products with the cache are banded, and waste a span's share


@dataclass(frozen=True)
class NeuralCache:
    """What the cache holds, and how much it is trusted.

    Attributes:
        size: pairs, at most.
        flatness: θ: at 0, how often a piece came is all that counts; the larger, the more only the
            most alike moments do.
        share: λ, of the cache in the whole; 0 for none.

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
    """The latest features and the pieces that followed them, of rows side by side.

    Args:
        options: of the cache.
    """

    def __init__(self, options: NeuralCache) -> None:
        self.options = options
        self.keys: Tensor | None = None  # (rows, held, hidden)
        self.followed: Tensor | None = None  # (rows, held)

    def tell(self, features: Tensor, targets: Tensor, scores: Tensor) -> Tensor:
        """Log-probabilities of targets, the cache's share included; then hold them too.

        Args:
            features: (rows, time, hidden).
            targets: ids, (rows, time).
            scores: their log-probabilities to the model alone, (rows, time).
        """
        held = 0 if self.keys is None else self.keys.shape[1]
        keys = features if self.keys is None else torch.cat([self.keys, features], dim=1)
        followed = targets if self.followed is None else torch.cat([self.followed, targets], dim=1)
        cached = self.look_up(features, keys, followed, targets)
        share = scores.new_tensor(self.options.share)
        mixed = torch.logaddexp((1 - share).log() + scores, share.log() + cached)
        if not held:
            mixed[:, 0] = scores[:, 0]  # nothing has come before the first
        self.keys = keys[:, -self.options.size :]
        self.followed = followed[:, -self.options.size :]
        return mixed

    def look_up(self, queries: Tensor, keys: Tensor, followed: Tensor, targets: Tensor) -> Tensor:
        """Log-probability that the cache gives each target, (rows, time).

        `keys` and `followed` end with the pairs of the queries themselves, which see those before.
        """
        every, time = keys.shape[1], queries.shape[1]
        place = torch.arange(every, device=keys.device)
        age = place[every - time :].unsqueeze(1) - place  # (time, every)
        alike = self.options.flatness * queries @ keys.transpose(1, 2)  # (rows, time, every)
        alike = alike.masked_fill((age < 1) | (age > self.options.size), -torch.inf)
        other = followed.unsqueeze(1) != targets.unsqueeze(2)
        return alike.masked_fill(other, -torch.inf).logsumexp(-1) - alike.logsumexp(-1)


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
    """Score a text with a cache of the text before each prediction.

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
            features, state = model.features(batch, state, last=True)
            scores = score_targets(model.output_layer, features, batch)
        by_row = features.to(scores.dtype).view(*batch.inputs.t().shape, -1).transpose(0, 1)
        mixed = cache.tell(by_row, batch.targets, scores)
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
