"""An ensemble of one or more translators as a step function, optionally with coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from seqlstm.data.batching.collate import collate_pairs
from seqlstm.decoding.advance import Advance
from seqlstm.decoding.ensemble import average_log_probs, ensemble_log_probs
from seqlstm.errors import ArgumentError
from seqlstm.models.attention import source_mask
from seqlstm.models.translator import Translator
from seqlstm.recurrent.state import State, leaves
from seqlstm.runtime.device import Precision
from seqlstm.text.tokenizer_pair import TokenizerPair


class EncodedSources(NamedTuple):
    """Encoded sources, ready for decoding.

    Coverage is the sum of the attention weights of each source token so far, averaged over heads
    and models, (rows, source); 1 at padding.

    Attributes:
        lengths: of the sources, eos included, (sentences,).
        advance: the step function.
        state: before the first step: the states of all decoders, and the coverage, which is () if
            it is not tracked.
        memory: the memories of all models.
    """

    lengths: Tensor
    advance: Advance
    state: State
    memory: State


@dataclass(frozen=True)
class TranslatorEnsemble:
    """Translators whose probabilities are averaged at every step; there may be only one."""

    models: Sequence[Translator]
    tokenizers: TokenizerPair
    precision: Precision

    def encode(
        self, sources: Sequence[Sequence[int]], *, track_coverage: bool = False
    ) -> EncodedSources:
        """Encode sources with all models.

        Args:
            sources: ids of each source, without eos.
            track_coverage: whether the state contains the coverage.
        """
        batch = collate_pairs(sources, [[] for _ in sources], self.tokenizers)
        batch = batch.to(self.precision.device)
        source, lengths = batch.source, batch.source_lengths
        assert source is not None
        assert lengths is not None
        memories = tuple(model.encode(source, lengths) for model in self.models)
        states = tuple(
            model.start(memory) for model, memory in zip(self.models, memories, strict=True)
        )
        coverage = (~source_mask(lengths, source.shape[1])).float() if track_coverage else ()
        return EncodedSources(lengths, step_function(self.models), (states, coverage), memories)

    def log_probabilities(
        self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
    ) -> Tensor:
        """Log-probabilities of the targets, eos included, (sentences, time); 0 at padding."""
        batch = collate_pairs(sources, targets, self.tokenizers).to(self.precision.device)
        with self.precision.autocast():
            return average_log_probs([model.log_probabilities(batch) for model in self.models])


def step_function(models: Sequence[Translator]) -> Advance:
    """The step function of one translator, or of several by the average of their probabilities.

    Raises:
        ArgumentError: at the first step, if coverage is tracked and a model has no attention.
    """

    def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        assert memory is not None
        states, coverage = state
        steps = [
            model.advance(token, model_state, model_memory)
            for model, model_state, model_memory in zip(models, states, memory, strict=True)
        ]
        logits, new_states, weights = zip(*steps, strict=True)
        if isinstance(coverage, Tensor):
            mean = mean_weights(weights, len(leaves(memory)[0]))
            coverage = coverage + mean.to(coverage.dtype)
        new_state = new_states, coverage
        return logits[0] if len(logits) == 1 else ensemble_log_probs(logits), new_state

    return advance


def mean_weights(weights: Sequence[Tensor | None], sentences: int) -> Tensor:
    """Attention weights (rows, source), averaged over heads and models."""
    means = [
        # (sentences, heads, beams, source): in the attention's own layout, sums round as there.
        part.view(sentences, -1, *part.shape[1:]).transpose(1, 2).contiguous().mean(1)
        for part in weights
        if part is not None
    ]
    if len(means) < len(weights):
        raise ArgumentError(
            "the coverage penalty needs attention weights, but this model has no attention",
            hint="Leave it out.",
        )
    return torch.stack(means).mean(0).flatten(0, 1)
