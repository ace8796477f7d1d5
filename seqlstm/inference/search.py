"""Beam search and greedy search of translations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from seqlstm.decoding.beam import beam_search
from seqlstm.decoding.constraints import (
    Constraint,
    forbid_tokens,
    max_length,
    min_length,
    no_repeat_ngram,
)
from seqlstm.decoding.greedy import greedy_search
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.penalties import coverage_penalty
from seqlstm.errors import ArgumentError
from seqlstm.inference.system import TranslatorEnsemble
from seqlstm.inference.terminology import Terminology, TokenIds
from seqlstm.recurrent.state import State
from seqlstm.text.tokenizer import Tokenizer

EXTRA_LENGTH = 10  # tokens that every translation may have beyond `max_length_ratio`


@dataclass(frozen=True)
class SearchOptions:
    """The options of beam search and greedy search.

    Attributes:
        beam_size: number of beams; 1 for greedy search.
        length_penalty: GNMT's alpha (Wu et al., 2016); 0 for none, higher for longer translations.
        coverage_penalty: GNMT's beta, on source tokens with little attention; 0 for none.
        no_repeat_ngram_size: no n-gram of this size occurs twice; 0 for no limit.
        min_length: minimum number of tokens of a translation.
        max_length: maximum number of tokens; None for the limit by `max_length_ratio` alone.
        max_length_ratio: maximum tokens of a translation divided by those of its source, apart
            from ten extra tokens.
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

    def limits(self, lengths: Tensor, needed_tokens: Sequence[int]) -> Tensor:
        """Maximum lengths of translations, eos included, (sentences,).

        Args:
            lengths: of the sources, eos included.
            needed_tokens: of the prefix and the lexical constraints of each sentence.

        Raises:
            ArgumentError: a sentence needs more tokens than `max_length`.
        """
        limits = (self.max_length_ratio * lengths).long() + EXTRA_LENGTH
        if self.max_length is not None:
            limits = limits.clamp(max=self.max_length + 1)
            if max(needed_tokens, default=0) > self.max_length:
                raise ArgumentError(
                    f"the prefix and phrases of a translation have up to {max(needed_tokens)} "
                    f"pieces, and its maximum length is {self.max_length}"
                )
        needed = torch.tensor(needed_tokens, device=lengths.device).clamp(min=self.min_length)
        return torch.maximum(limits, needed + 1)

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
        """The options on which scores depend, except those without an effect."""
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
    ensemble: TranslatorEnsemble,
    sources: Sequence[TokenIds],
    terminology: Terminology,
    *,
    search: SearchOptions,
) -> list[list[Hypothesis]]:
    """The best hypotheses of each source, best first; the sources are token ids."""
    tokenizer = ensemble.tokenizers.target
    coverage, lexical_constraints = None, terminology.lexical_constraints()
    if search.coverage_penalty:
        coverage = partial(penalize_coverage, beta=search.coverage_penalty)
    with ensemble.precision.autocast():
        encoded = ensemble.encode(sources, track_coverage=coverage is not None)
        options: dict[str, Any] = {
            "state": encoded.state,
            "memory": encoded.memory,
            "bos": tokenizer.begin,
            "eos": tokenizer.end,
            "maximum": search.limits(encoded.lengths, terminology.needed_tokens()),
            "length_penalty": search.length_penalty,
            "constraints": terminology.constraints(search.constraints(tokenizer)),
        }
        if search.beam_size == 1 and coverage is None and lexical_constraints is None:
            return greedy_search(encoded.advance, **options)
        return beam_search(
            encoded.advance,
            **options,
            beam_size=search.beam_size,
            coverage=coverage,
            n_best=search.n_best,
            lexical_constraints=lexical_constraints,
        )


def penalize_coverage(state: State, *, beta: float) -> Tensor:
    """The coverage penalty of each row, (rows,), from a state with coverage."""
    _, coverage = state
    return coverage_penalty(coverage, beta)
