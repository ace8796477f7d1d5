"""Step functions of one translator or of an ensemble, with coverage where it is wanted."""

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


class StepFunction(NamedTuple):
    """A step function, its first state and its memory.

    The state is the decoders' states and the coverage; the memory is the models' memories.
    Coverage (rows, source) is the sum of the attention weights of each source id so far, averaged
    over heads and models; 1 at padding. It is () where it is not wanted.
    """

    advance: Advance
    state: State
    memory: State


@dataclass(frozen=True)
class TranslatorEnsemble:
    """Translators that translate together, by the average of their probabilities at every step."""

    models: Sequence[Translator]
    tokenizers: TokenizerPair
    precision: Precision

    def encode(
        self, sources: Sequence[Sequence[int]], *, coverage: bool = False
    ) -> tuple[Tensor, StepFunction]:
        """Lengths of the sources (sentences,), their ends counted, and the step function on them.

        Args:
            sources: ids of each source, without its end.
            coverage: whether the state sums up the attention weights.
        """
        batch = collate_pairs(sources, [[] for _ in sources], self.tokenizers)
        batch = batch.to(self.precision.device)
        source, lengths = batch.source, batch.source_lengths
        assert source is not None
        assert lengths is not None
        memories = tuple(model.encode(source, lengths) for model in self.models)
        both = zip(self.models, memories, strict=True)
        states = tuple(model.start(memory) for model, memory in both)
        covered = (~source_mask(lengths, source.shape[1])).float() if coverage else ()
        return lengths, StepFunction(step_function(self.models), (states, covered), memories)

    def log_probabilities(
        self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
    ) -> Tensor:
        """Of every token of the targets, and their ends, (sentences, time); 0 at padding."""
        batch = collate_pairs(sources, targets, self.tokenizers).to(self.precision.device)
        with self.precision.autocast():
            return average_log_probs([model.log_probabilities(batch) for model in self.models])


def step_function(models: Sequence[Translator]) -> Advance:
    """The step of one translator, or of several by the average of their probabilities.

    Raises:
        ArgumentError: at the first step, if coverage is wanted and a model has no attention.
    """

    def advance(token: Tensor, state: State, memory: State | None) -> tuple[Tensor, State]:
        assert memory is not None
        states, covered = state
        steps = [
            model.advance(token, *its) for model, *its in zip(models, states, memory, strict=True)
        ]
        logits = [step[0] for step in steps]
        if isinstance(covered, Tensor):
            weights = mean_weights([step[2] for step in steps], len(leaves(memory)[0]))
            covered = covered + weights.to(covered.dtype)
        after = tuple(step[1] for step in steps), covered
        return logits[0] if len(logits) == 1 else ensemble_log_probs(logits), after

    return advance


def mean_weights(weights: Sequence[Tensor | None], sentences: int) -> Tensor:
    """Attention weights (rows, source), averaged over heads and models."""
    means = [
        # (sentences, heads, beams, source), the layout of the attention: sums keep its rounding.
        part.view(sentences, -1, *part.shape[1:]).transpose(1, 2).contiguous().mean(1)
        for part in weights
        if part is not None
    ]
    if len(means) < len(weights):
        raise ArgumentError(
            "the coverage penalty needs attention's weights, and this model has none",
            hint="Leave it out.",
        )
    return torch.stack(means).mean(0).flatten(0, 1)
