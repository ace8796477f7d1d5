"""What decoding needs of translators: a step of one or of several, with coverage if asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seqlstm.data.batching.collate import collate_pairs
from seqlstm.decoding.advance import Advance
from seqlstm.decoding.ensemble import average_log_probs, ensemble
from seqlstm.errors import ArgumentError
from seqlstm.models.attention import Attention, source_mask
from seqlstm.models.translator import Translator
from seqlstm.recurrent.state import State
from seqlstm.runtime.device import Precision
from seqlstm.text.tokenizer_pair import TokenizerPair


class StepFunction(NamedTuple):
    """A step, and what its first finds."""

    advance: Advance
    state: State
    memory: State


@dataclass(frozen=True)
class TranslatorEnsemble:
    """Translators that translate as one, by the average of their probabilities at every step."""

    models: Sequence[Translator]
    tokenizers: TokenizerPair
    precision: Precision

    def read(self, sources: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor, StepFunction]:
        """What the models make of sources: lengths (sentences,), a mask (sentences, time), steps.

        The mask is true at real ids; a source's end is one of them.
        """
        batch = collate_pairs(sources, [[] for _ in sources], self.tokenizers)
        batch = batch.to(self.precision.device)
        source, lengths = batch.source, batch.source_lengths
        assert source is not None
        assert lengths is not None
        memories = tuple(model.encode(source, lengths) for model in self.models)
        both = zip(self.models, memories, strict=True)
        states = tuple(model.start(memory) for model, memory in both)
        advances = [advance_of(model) for model in self.models]
        if len(self.models) == 1:
            steps = StepFunction(advances[0], states[0], memories[0])
        else:
            steps = StepFunction(ensemble(advances), states, memories)
        return lengths, source_mask(lengths, source.shape[1]), steps

    def log_probabilities(
        self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
    ) -> Tensor:
        """Of every piece of the targets, and their ends, (sentences, time); 0 at padding."""
        batch = collate_pairs(sources, targets, self.tokenizers).to(self.precision.device)
        with self.precision.autocast():
            return average_log_probs([model.log_probabilities(batch) for model in self.models])


def advance_of(model: Translator) -> Advance:
    def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        assert memory is not None
        return model.advance(token, state, memory)

    return advance


@contextmanager
def covering(
    models: Sequence[Translator], steps: StepFunction, mask: Tensor
) -> Iterator[StepFunction]:
    """Steps with states (inner state, coverage), for as long as the context is open.

    Coverage (rows, source) is the sum of the weights that each source id had so far, averaged over
    heads and models; 1 at padding, where `mask` (sentences, source) is false.

    Raises:
        ArgumentError: at the first step, if a model gives no weights.
    """
    with ExitStack() as stack:
        seen = [stack.enter_context(watched(model)) for model in models]

        def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
            inner, covered = state
            logits, inner = steps.advance(token, inner, memory)
            weights = torch.stack([latest(one) for one in seen]).mean(0)
            return logits, (inner, covered + weights.reshape(covered.shape).to(covered.dtype))

        yield StepFunction(advance, (steps.state, (~mask).float()), steps.memory)


@contextmanager
def watched(model: Translator) -> Iterator[list[Tensor]]:
    """A list that holds the weights which the model's attention, if it has one, gave last."""
    seen: list[Tensor] = []
    attentions = [module for module in model.modules() if isinstance(module, Attention)]

    def watch(weights: Callable[..., Tensor], *arguments: Any, **options: Any) -> Tensor:
        seen[:] = [weights(*arguments, **options)]
        return seen[0]

    for attention in attentions:
        attention.weights = partial(watch, attention.weights)  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        for attention in attentions:
            del attention.weights


def latest(seen: list[Tensor]) -> Tensor:
    """Of weights (sentences, heads, beams, source) their mean over heads."""
    if not seen:
        raise ArgumentError(
            "the coverage penalty needs attention's weights, and this model gives none",
            hint="Leave it out.",
        )
    return seen[-1].mean(1)
