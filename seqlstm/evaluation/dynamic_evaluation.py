"""Dynamic evaluation: gradient steps on the text that is being scored.

Krause, Kahembwe, Murray & Renals (2018), "Dynamic evaluation of neural sequence models", the RMS
version. Each span is scored first, and then the weights are updated on it:

    θ ← θ − η ∇L / (RMS_g + ε) + λ RMS_norm ∘ (θ_g − θ)        RMS_norm = RMS_g / mean(RMS_g)

RMS_g is the root of the mean square of the gradient of each weight on training data, θ_g are the
trained weights, and no λ RMS_norm is larger than 1. L is the mean over a span.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice

import torch
from torch import Tensor

from seqlstm.data.batching.streams import TokenStream, stream_batches
from seqlstm.errors import ArgumentError
from seqlstm.evaluation.perplexity import LanguageScores, carry_state, score_text
from seqlstm.models.batch import Batch
from seqlstm.models.language_model import LanguageModel
from seqlstm.recurrent.state import State, detach
from seqlstm.runtime.device import Precision
from seqlstm.text.tokenizer import Tokenizer
from seqlstm.training.objectives.cross_entropy import CrossEntropy

STATISTICS_BATCH_SIZE = 100  # rows of a batch for gradient statistics, as in the paper


@dataclass(frozen=True)
class DynamicEvaluation:
    """Options of dynamic evaluation.

    Attributes:
        rate: η, the learning rate; 0 for no updates.
        decay: λ, towards the trained weights.
        epsilon: ε, which bounds updates of weights with small gradients.
        span: pieces between two updates.
        batches: number of training batches for gradient statistics, of `STATISTICS_BATCH_SIZE`
            spans each.

    Raises:
        ArgumentError: a value is out of its range.
    """

    rate: float = 1e-4
    decay: float = 2e-3
    epsilon: float = 1e-4
    span: int = 20
    batches: int = 200

    def __post_init__(self) -> None:
        for name, minimum in (("rate", 0), ("decay", 0), ("span", 1), ("batches", 1)):
            if getattr(self, name) < minimum:
                raise ArgumentError(f"dynamic {name} must be {minimum} or more")
        if self.epsilon <= 0:
            raise ArgumentError("dynamic epsilon must be positive")


@dataclass(frozen=True)
class GradientStatistics:
    """RMS_g of every parameter of a model, in order, and a description of the data behind it."""

    roots: list[Tensor]
    description: str


def gather_statistics(
    model: LanguageModel, stream: TokenStream, options: DynamicEvaluation, precision: Precision
) -> GradientStatistics:
    """The root mean square of the gradients over the first batches of a training text."""
    parameters = list(model.parameters())
    squares = [torch.zeros_like(parameter) for parameter in parameters]
    rows = min(STATISTICS_BATCH_SIZE, stream.tokens)
    batches = stream_batches(stream, batch_size=rows, bptt=options.span, drop_last=True)
    count = 0
    step = partial(loss_and_gradients, model=model, parameters=parameters, precision=precision)
    for _, (_, gradients) in carry_state(step, islice(batches, options.batches), precision.device):
        for square, gradient in zip(squares, gradients, strict=True):
            square.addcmul_(gradient, gradient)
        count += 1
    roots = [square.div_(count).sqrt_() for square in squares]
    return GradientStatistics(roots, f"train {count}x{rows}x{options.span}")


def loss_and_gradients(
    batch: Batch,
    state: State | None,
    *,
    model: LanguageModel,
    parameters: Sequence[Tensor],
    precision: Precision,
) -> tuple[tuple[float, tuple[Tensor, ...]], State]:
    """(The summed loss of a batch, the gradients of its mean loss), the state after the batch."""
    with torch.enable_grad():
        with precision.autocast():
            loss, tokens, state = CrossEntropy()(model, batch, state)
        assert state is not None
        gradients = torch.autograd.grad(loss / tokens, parameters, materialize_grads=True)
    return (loss.item(), gradients), detach(state)


class DynamicWeights:
    """Weights that are updated on a text and decay towards the trained weights.

    Args:
        parameters: of the model; changed in place.
        roots: RMS_g of each parameter.
        options: learning rate and decay.
    """

    def __init__(
        self, parameters: Sequence[Tensor], roots: Sequence[Tensor], options: DynamicEvaluation
    ) -> None:
        size = sum(root.numel() for root in roots)
        mean = sum(float(root.double().sum()) for root in roots) / size
        self.parameters = parameters
        self.trained = [parameter.detach().clone() for parameter in parameters]
        self.rates = [options.rate / (root + options.epsilon) for root in roots]
        self.decays = [(options.decay / (mean or 1.0) * root).clamp(max=1) for root in roots]

    @torch.no_grad()
    def update(self, gradients: Sequence[Tensor]) -> None:
        """One step of the update rule, in place."""
        weights = zip(
            self.parameters, self.trained, self.decays, self.rates, gradients, strict=True
        )
        for parameter, trained, decay, rate, gradient in weights:
            parameter.lerp_(trained, decay).addcmul_(rate, gradient, value=-1)

    @torch.no_grad()
    def restore(self) -> None:
        """Set the weights back to the trained weights."""
        for parameter, trained in zip(self.parameters, self.trained, strict=True):
            parameter.copy_(trained)


@contextmanager
def dynamic_weights(
    model: LanguageModel, statistics: GradientStatistics, options: DynamicEvaluation
) -> Iterator[DynamicWeights]:
    """A context in which the model's weights may be updated; at its end they are restored."""
    weights = DynamicWeights(list(model.parameters()), statistics.roots, options)
    try:
        yield weights
    finally:
        weights.restore()


def score_dynamically(
    model: LanguageModel,
    rows: Sequence[str],
    *,
    statistics: GradientStatistics,
    options: DynamicEvaluation,
    tokenizer: Tokenizer,
    precision: Precision,
    unit: str,
    streams: int = 1,
) -> LanguageScores:
    """Score a text with dynamic evaluation; the model's weights are restored afterwards.

    Args:
        model: in evaluation mode.
        rows: documents or lines.
        statistics: of the model's gradients on training text.
        options: of dynamic evaluation.
        tokenizer, precision, unit: as of `score_text`.
        streams: parts of the text that are read in parallel; all of them update the same weights.
    """
    method = (
        f"|dynamic:rms,rate:{options.rate:g},decay:{options.decay:g},epsilon:{options.epsilon:g}"
        f",span:{options.span},gradients:{statistics.description}"
    )
    with dynamic_weights(model, statistics, options) as weights:

        def score_and_update(batch: Batch, state: State | None) -> tuple[float, State | None]:
            (loss, gradients), state = loss_and_gradients(
                batch, state, model=model, parameters=weights.parameters, precision=precision
            )
            weights.update(gradients)
            return loss, state

        return score_text(
            model,
            rows,
            tokenizer=tokenizer,
            precision=precision,
            unit=unit,
            streams=streams,
            span=options.span,
            step=score_and_update,
            method=method,
        )
