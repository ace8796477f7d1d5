"""A tiny random recurrent language, with and without a memory, for the laws of decoding."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.penalties import length_normalizer
from seqlstm.recurrent.state import State


@dataclass(frozen=True)
class Language:
    """`advance` is h' = tanh(E[token] + h R), logits = h' O, plus the memory of the sentence."""

    embedding: Tensor
    recurrent: Tensor
    output_layer: Tensor

    @classmethod
    def random(cls, *, seed: int, vocabulary: int, hidden: int = 5) -> Language:
        generator = torch.Generator().manual_seed(seed)
        shapes = ((vocabulary, hidden), (hidden, hidden), (hidden, vocabulary))
        return cls(*(2 * torch.randn(shape, generator=generator) for shape in shapes))

    def advance(
        self, token: Tensor, state: State, memory: State | None
    ) -> tuple[Tensor, tuple[tuple[Tensor], Tensor]]:
        (hidden,), steps = state
        hidden = torch.tanh(self.embedding[token] + hidden @ self.recurrent)
        logits = hidden @ self.output_layer
        if memory is not None:
            (bias,) = memory
            logits = logits + bias.repeat_interleave(len(token) // len(bias), 0)
        return logits, ((hidden,), steps + 1)

    def states(self, sentences: int) -> State:
        generator = torch.Generator().manual_seed(sentences)
        hidden = torch.randn(sentences, len(self.recurrent), generator=generator)
        return (hidden,), torch.zeros(sentences)

    def log_probabilities(
        self, ids: list[int], *, bos: int, state: State, memory: State | None = None
    ) -> list[float]:
        """The log-probability of each id, after `bos` and the ids before; `state` has one row."""
        gains = []
        for token, target in zip([bos, *ids], ids, strict=False):
            logits, state = self.advance(torch.tensor([token]), state, memory)
            gains.append(logits.log_softmax(-1)[0, target].item())
        return gains

    def score(self, ids: list[int], *, alpha: float, bos: int, state: State) -> float:
        total = sum(self.log_probabilities(ids, bos=bos, state=state))
        return total / length_normalizer(len(ids), alpha)


def greedy_ids(
    language: Language, state: State, memory: State | None, *, bos: int, eos: int, maximum: int
) -> list[int]:
    """The most probable id at every step, up to eos."""
    ids: list[int] = []
    token = torch.tensor([bos])
    while len(ids) < maximum:
        logits, state = language.advance(token, state, memory)
        token = logits.argmax(-1)
        if token.item() == eos:
            break
        ids.append(int(token.item()))
    return ids


def close(left: list[Hypothesis], right: list[Hypothesis]) -> bool:
    """Whether hypotheses are equal, up to rounding in batches of another size."""
    return len(left) == len(right) and all(
        a.ids == b.ids
        and a.finished == b.finished
        and a.score == pytest.approx(b.score, abs=1e-4)
        and a.log_probability == pytest.approx(b.log_probability, abs=1e-4)
        for a, b in zip(left, right, strict=True)
    )
