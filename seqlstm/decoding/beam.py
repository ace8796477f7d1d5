"""Beam search over many sentences at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from math import inf
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from seqlstm.decoding.advance import Advance
from seqlstm.decoding.candidates import best_candidates, gather_beams
from seqlstm.decoding.constraints import Constraint, Prefix, constrained_log_probs
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.lexical_constraints import LexicalConstraints, mask_eos
from seqlstm.decoding.penalties import length_normalizer
from seqlstm.kernels.topk import topk
from seqlstm.recurrent.state import State, select


@torch.inference_mode()
def beam_search(
    advance: Advance,
    *,
    state: State,
    memory: State | None,
    bos: int,
    eos: int,
    beam_size: int,
    maximum: Tensor | int,
    length_penalty: float = 1.0,
    coverage: Callable[[State], Tensor] | None = None,
    n_best: int = 1,
    constraints: Sequence[Constraint] = (),
    lexical_constraints: LexicalConstraints | None = None,
) -> list[list[Hypothesis]]:
    """Beam search, which maximises `log P / length_penalty(length) + coverage`.

    The search of a sentence ends when `beam_size` of its hypotheses have finished, when no active
    hypothesis can reach its `n_best` best scores, or at its maximum length. A hypothesis finishes
    when its eos is among the best `beam_size` candidates of its sentence. The rows of `advance` are
    sorted by sentence, and every sentence has equally many: one at the first step, then at most
    `beam_size`. Rows of sentences whose search has ended are removed.

    Args:
        advance: the model's step function.
        state: before the first step, (sentences, ...).
        memory: (sentences, ...), never copied for the beams; may be None.
        bos: the first input token.
        eos: the token that finishes a hypothesis.
        beam_size: number of beams; 1 is greedy search.
        maximum: maximum length, eos included: one for all sentences, or (sentences,).
        length_penalty: alpha of `length_normalizer`; 0 compares plain log-probabilities.
        coverage: returns the coverage penalty of each row from the state, (rows,), never positive;
            it is added to the scores.
        n_best: number of hypotheses to return for a sentence.
        constraints: on the next token; see `constraints.py`.
        lexical_constraints: phrases that must appear; no hypothesis finishes without them. The beam
            reserves places for hypotheses that contain more of the phrases, so the phrases appear
            if the maximum length and the other constraints allow it.

    Returns:
        The `n_best` hypotheses of each sentence, best first. If too few have finished, unfinished
        ones, cut off at the maximum length, follow. There are fewer than `n_best` only if no more
        are possible, and none if the constraints contradict each other.

    Raises:
        ValueError: `beam_size`, `n_best`, `maximum` or `length_penalty` is out of its range.
    """
    device, sentences = _device_and_rows(state)
    limits = torch.as_tensor(maximum, device=device).expand(sentences)
    _check(beam_size=beam_size, n_best=n_best, maximum=limits, length_penalty=length_penalty)
    search = _BeamSearch(eos=eos, beam_size=beam_size, n_best=n_best, length_penalty=length_penalty)
    results: list[list[Hypothesis]] = [[] for _ in range(sentences)]
    hypotheses = search.start(limits)
    token = torch.full((sentences,), bos, device=device)
    while len(hypotheses.sentence):
        step, beams = hypotheses.tokens.shape[-1] + 1, hypotheses.cumulative.shape[1]
        logits, state = advance(token, state, memory)
        prefix = Prefix(
            hypotheses.tokens.flatten(0, 1), hypotheses.sentence.repeat_interleave(beams)
        )
        log_probs = constrained_log_probs(logits, prefix, constraints)
        progress = None
        if lexical_constraints is not None:
            last = (hypotheses.limits <= step).repeat_interleave(beams)
            progress = lexical_constraints.progress(prefix, last)
            mask_eos(log_probs, progress, eos=eos)
        candidates = best_candidates(
            hypotheses.cumulative, log_probs, progress, beam_size=beam_size
        )
        penalty = coverage(state).view(-1, beams) if coverage else None
        hypotheses, parents = search.extend(hypotheses, candidates, penalty, step)

        unfinished = search.unfinished(hypotheses, step)
        rows = unfinished.nonzero().squeeze(-1)
        if len(rows) < len(unfinished):
            ended = _Hypotheses(*select(hypotheses, (~unfinished).nonzero().squeeze(-1)))
            for sentence, best in zip(ended.sentence.tolist(), search.best(ended), strict=True):
                results[sentence] = best
            memory = None if memory is None else select(memory, rows)
            hypotheses = _Hypotheses(*select(hypotheses, rows))
        state = select(state, (rows[:, None] * beams + parents[rows]).flatten())
        token = hypotheses.tokens[..., -1].flatten()
    return results


class _Hypotheses(NamedTuple):
    """The hypotheses of all sentences whose search has not ended, one row for each sentence.

    Attributes:
        sentence: index of the sentence, (sentences,).
        limits: maximum lengths, (sentences,).
        cumulative: log-probabilities of active hypotheses, best first, (sentences, beams).
        scores: of active hypotheses, if they were cut off here, (sentences, beams).
        tokens: of active hypotheses, (sentences, beams, steps).
        finished: scores, log-probabilities and tokens of finished hypotheses, best first; free
            places have the score -inf.
    """

    sentence: Tensor
    limits: Tensor
    cumulative: Tensor
    scores: Tensor
    tokens: Tensor
    finished: State


@dataclass(frozen=True)
class _BeamSearch:
    """The steps of a search: extending hypotheses, ending searches, and selecting the best."""

    eos: int
    beam_size: int
    n_best: int
    length_penalty: float

    def start(self, limits: Tensor) -> _Hypotheses:
        """One empty active hypothesis for each sentence, and no finished ones."""
        sentences = len(limits)
        sentence = torch.arange(sentences, device=limits.device)
        zeros = torch.zeros(sentences, 1, device=limits.device)
        free = zeros.new_full((sentences, self.beam_size), -inf)
        finished = (free, free, sentence.new_empty(sentences, self.beam_size, 0))
        return _Hypotheses(
            sentence, limits, zeros, zeros, sentence.new_empty(sentences, 1, 0), finished
        )

    def extend(
        self,
        hypotheses: _Hypotheses,
        candidates: tuple[Tensor, Tensor, Tensor],
        penalty: Tensor | None,
        step: int,
    ) -> tuple[_Hypotheses, Tensor]:
        """Extend the hypotheses by one token; also return the parent beams of the active ones.

        Args:
            hypotheses: before this step.
            candidates: from `best_candidates`.
            penalty: added to the scores of each beam, (sentences, beams).
            step: length of the candidates.
        """
        cumulative, beams, next_tokens = candidates
        scores = cumulative / length_normalizer(step, self.length_penalty)
        if penalty is not None:
            scores = scores + gather_beams(penalty, beams)
        tokens = torch.cat([gather_beams(hypotheses.tokens, beams), next_tokens[..., None]], -1)
        ended = next_tokens == self.eos
        ending = (scores.masked_fill(~ended, -inf), cumulative, tokens)
        finished = _merge(hypotheses.finished, tuple(part[:, : self.beam_size] for part in ending))
        active = ended.long().argsort(dim=-1, stable=True)[:, : self.beam_size]
        alive = gather_beams(~ended, active)
        cumulative, scores = (
            gather_beams(values, active).masked_fill(~alive, -inf)
            for values in (cumulative, scores)
        )
        tokens, beams = gather_beams(tokens, active), gather_beams(beams, active)
        return _Hypotheses(
            hypotheses.sentence, hypotheses.limits, cumulative, scores, tokens, finished
        ), beams

    def unfinished(self, hypotheses: _Hypotheses, step: int) -> Tensor:
        """True for sentences whose search continues, (sentences,)."""
        scores = hypotheses.finished[0]
        # Log-probabilities never rise: this bounds every score that an active hypothesis can reach.
        reachable = hypotheses.cumulative.amax(-1) / length_normalizer(
            hypotheses.limits, self.length_penalty
        )
        undecided: Tensor = (reachable > scores[:, self.n_best - 1]) & (scores[:, -1] == -inf)
        return undecided & (step < hypotheses.limits)

    def best(self, hypotheses: _Hypotheses) -> list[list[Hypothesis]]:
        """The first `n_best` of the finished and then of the active hypotheses, by sentence."""
        active = (hypotheses.scores, hypotheses.cumulative, hypotheses.tokens)
        parts = [torch.cat(pair, 1) for pair in zip(hypotheses.finished, active, strict=True)]
        rows: Any = zip(*(part.tolist() for part in parts), strict=True)
        possible = ((entry for entry in zip(*row, strict=True) if entry[0] > -inf) for row in rows)
        return [[self.hypothesis(*entry) for entry in islice(row, self.n_best)] for row in possible]

    def hypothesis(self, score: float, log_probability: float, tokens: list[int]) -> Hypothesis:
        finished = self.eos in tokens
        ids = tokens[: tokens.index(self.eos)] if finished else tokens
        return Hypothesis(ids, score, log_probability, finished)


def _merge(finished: State, ending: State) -> State:
    """The best `beam_size` of the finished hypotheses and those that finish at this step."""
    scores, cumulative, tokens = finished
    new_scores, new_cumulative, new_tokens = ending
    scores, indices = topk(torch.cat([scores, new_scores], -1), scores.shape[-1])
    tokens = torch.cat([pad(tokens, (0, 1)), new_tokens], 1)
    return (
        scores,
        gather_beams(torch.cat([cumulative, new_cumulative], -1), indices),
        gather_beams(tokens, indices),
    )


def _device_and_rows(state: State) -> tuple[torch.device, int]:
    """The device and the number of rows of a state."""
    first = state[0]
    return (first.device, len(first)) if isinstance(first, Tensor) else _device_and_rows(first)


def _check(*, beam_size: int, n_best: int, maximum: Tensor, length_penalty: float) -> None:
    if beam_size < 1:
        raise ValueError(f"beam_size must be positive, was: {beam_size}")
    if not 1 <= n_best <= beam_size:
        raise ValueError(f"n_best must be in [1, beam_size = {beam_size}], was: {n_best}")
    if (maximum < 1).any():
        raise ValueError(f"maximum must be positive, was: {maximum.min().item()}")
    if length_penalty < 0:
        raise ValueError(f"length_penalty must be 0 or more, was: {length_penalty}")
