"""Beam search and greedy search of translations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from seqlstm.decoding.beam import beam
from seqlstm.decoding.constraints import (
    Constraint,
    forbid_tokens,
    max_length,
    min_length,
    no_repeat_ngram,
)
from seqlstm.decoding.greedy import greedy
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.penalties import coverage_penalty
from seqlstm.errors import ArgumentError
from seqlstm.inference.system import TranslatorEnsemble
from seqlstm.inference.terminology import Pieces, Terminology
from seqlstm.recurrent.state import State
from seqlstm.text.tokenizer import Tokenizer

SPARE = 10  # tokens that any translation may have beyond its ratio


@dataclass(frozen=True)
class SearchOptions:
    """The options of beam search.

    Attributes:
        beam_size: 1 is greedy.
        length_penalty: GNMT's alpha (Wu et al., 2016); 0 for none, higher for longer.
        coverage_penalty: GNMT's beta, on source tokens with little attention; 0 for none.
        no_repeat_ngram_size: no n-gram of this size occurs twice; 0 for no limit.
        min_length: minimum number of tokens of a translation.
        max_length: maximum number; None for that of the ratio.
        max_length_ratio: maximum number of tokens for each source token, plus ten.
        n_best: number of translations of a line.

    Raises:
        ValueError: an option is out of its range.
    """

    beam_size: int = 5
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0
    no_repeat_ngram_size: int = 0
    min_length: int = 0
    max_length: int | None = None
    max_length_ratio: float = 2.0
    n_best: int = 1

    def __post_init__(self) -> None:
        if self.beam_size < 1:
            raise ValueError(f"beam_size must be positive, was: {self.beam_size}")
        if self.n_best < 1:
            raise ValueError(f"n_best must be positive, was: {self.n_best}")
        if self.n_best > self.beam_size:
            raise ValueError(
                f"n_best must be at most the beam_size {self.beam_size}, was: {self.n_best}"
            )
        for name in ("length_penalty", "coverage_penalty", "no_repeat_ngram_size", "min_length"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, was: {getattr(self, name)}")
        if self.max_length_ratio <= 0:
            raise ValueError(f"max_length_ratio must be positive, was: {self.max_length_ratio}")
        if self.max_length is not None and self.max_length < max(1, self.min_length):
            raise ValueError(
                f"max_length must be positive and at least min_length {self.min_length}, "
                f"was: {self.max_length}"
            )

    def limits(self, lengths: Tensor, room: Sequence[int]) -> Tensor:
        """Maximum lengths of translations, eos included, (sentences,).

        Args:
            lengths: of the sources, eos included.
            room: tokens that the prefix and the lexical constraints of each sentence need.

        Raises:
            ArgumentError: a sentence needs more tokens than `max_length`.
        """
        longest = (self.max_length_ratio * lengths).long() + SPARE
        if self.max_length is not None:
            longest = longest.clamp(max=self.max_length + 1)
            if max(room, default=0) > self.max_length:
                raise ArgumentError(
                    f"what a translation must say has up to {max(room)} pieces, and its maximum "
                    f"length is {self.max_length}"
                )
        needed = torch.tensor(room, device=lengths.device).clamp(min=self.min_length) + 1
        return torch.maximum(longest, needed)

    def constraints(self, tokenizer: Tokenizer) -> list[Constraint]:
        """The constraints on every sentence."""
        special = forbid_tokens([tokenizer.pad, tokenizer.begin, tokenizer.unknown])
        return [
            special,
            *([min_length(self.min_length, eos=tokenizer.end)] if self.min_length else []),
            *([max_length(self.max_length, eos=tokenizer.end)] if self.max_length else []),
            *([no_repeat_ngram(self.no_repeat_ngram_size)] if self.no_repeat_ngram_size else []),
        ]

    def signature(self) -> str:
        """The options that scores depend on; those without effect are left out."""
        options = {
            "beam": self.beam_size,
            "length_penalty": self.length_penalty,
            "coverage_penalty": self.coverage_penalty or None,
            "no_repeat_ngram_size": self.no_repeat_ngram_size or None,
            "min_length": self.min_length or None,
            "max_length": self.max_length,
            "max_length_ratio": None
            if self.max_length_ratio == SearchOptions.max_length_ratio
            else self.max_length_ratio,
        }
        return "|".join(f"{name}:{value}" for name, value in options.items() if value is not None)


@torch.inference_mode()
def search_translations(
    system: TranslatorEnsemble,
    sources: Sequence[Pieces],
    terminology: Terminology,
    *,
    search: SearchOptions,
) -> list[list[Hypothesis]]:
    """Hypotheses for sources of token ids, best first."""
    tokenizer = system.tokenizers.target
    coverage, required = None, terminology.required()
    if search.coverage_penalty:
        coverage = partial(penalize_coverage, beta=search.coverage_penalty)
    with system.precision.autocast():
        lengths, steps = system.encode(sources, coverage=coverage is not None)
        options: dict[str, Any] = {
            "state": steps.state,
            "memory": steps.memory,
            "bos": tokenizer.begin,
            "eos": tokenizer.end,
            "maximum": search.limits(lengths, terminology.room()),
            "length_penalty": search.length_penalty,
            "constraints": terminology.constraints(search.constraints(tokenizer)),
        }
        if search.beam_size == 1 and coverage is None and required is None:
            return greedy(steps.advance, **options)
        return beam(
            steps.advance,
            **options,
            width=search.beam_size,
            coverage=coverage,
            n_best=search.n_best,
            required=required,
        )


def penalize_coverage(state: State, *, beta: float) -> Tensor:
    """The coverage penalty of each row, (rows,), from a state with coverage."""
    _, covered = state
    return coverage_penalty(covered, beta)
