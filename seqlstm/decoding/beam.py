"""Beam search over many sentences at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from seqlstm.decoding.advance import Advance
from seqlstm.decoding.candidates import best_candidates, gather_places
from seqlstm.decoding.constraints import Constraint, Prefix
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.lexical_constraints import LexicalConstraints, mask_end
from seqlstm.decoding.penalties import length_normalizer
from seqlstm.kernels.softmax import log_softmax
from seqlstm.kernels.topk import topk
from seqlstm.recurrent.state import State, select


@torch.inference_mode()
def beam(
    advance: Advance,
    *,
    state: State,
    memory: State | None,
    begin: int,
    end: int,
    width: int,
    maximum: Tensor | int,
    length_penalty: float = 1.0,
    coverage: Callable[[State], Tensor] | None = None,
    n_best: int = 1,
    constraints: Sequence[Constraint] = (),
    required: LexicalConstraints | None = None,
) -> list[list[Hypothesis]]:
    """Search for the continuations of the highest score, `log P / penalty(length) + coverage`.

    A sentence is done when `width` of its hypotheses have finished, when none that lives can still
    reach its best `n_best`, or at its maximum. A hypothesis finishes when its end piece is among
    the best `width` continuations of its sentence. Rows reach `advance` sentence by sentence, as
    many each: one at first, for all beams are alike, and soon `width`. Sentences that are done are
    no longer among them.

    Args:
        advance: the model's step.
        state: as the first step finds it, (sentences, ...).
        memory: what never changes, (sentences, ...), never copied for the beams; may be None.
        begin: the piece that the first step reads.
        end: the piece that finishes a hypothesis.
        width: how many hypotheses live at a time; 1 is greedy search.
        maximum: how many pieces may be chosen, the end counted: for all, or for each (sentences,).
        length_penalty: alpha of `penalty`; 0 compares plain log-probabilities.
        coverage: from the state to what is added to the score of each row, (rows,), never positive.
        n_best: how many hypotheses to return for a sentence.
        constraints: on what may come next; see `constraints.py`.
        required: phrases that must appear. No hypothesis finishes without them, and those that say
            more of them have places of their own, so that they are said as long as the maximum and
            the other constraints allow it.

    Returns:
        For each sentence its `n_best` hypotheses, best first. Unfinished ones, cut off at the
        maximum, only fill places for which too few have finished, and come after these, in the
        order of the search. Fewer are returned only where no more are possible; none where the
        constraints contradict each other.

    Raises:
        ValueError: `width`, `n_best`, `maximum` or `length_penalty` is out of its range.
    """
    device, sentences = _origin(state)
    limits = torch.as_tensor(maximum, device=device).expand(sentences)
    _check(width=width, n_best=n_best, maximum=limits, length_penalty=length_penalty)
    rules = _Rules(end=end, width=width, n_best=n_best, length_penalty=length_penalty)
    answers: list[list[Hypothesis]] = [[] for _ in range(sentences)]
    table = rules.start(limits)
    token = torch.full((sentences,), begin, device=device)
    while len(table.sentence):
        step = table.pieces.shape[-1] + 1
        logits, state = advance(token, state, memory)
        gains = log_softmax(logits, torch.float32)
        beams = table.totals.shape[1]
        past = Prefix(table.pieces.flatten(0, 1), table.sentence.repeat_interleave(beams))
        for constrain in constraints:
            constrain(gains, past)
        standing = None
        if required is not None:
            last = (table.limits <= step).repeat_interleave(beams)
            standing = required.standing(past, last)
            mask_end(gains, standing, end=end)
        ways = best_candidates(table.totals, gains, standing, width=width)
        extra = coverage(state).view(-1, beams) if coverage else None
        table, origin = rules.extend(table, ways, extra, step)

        going = rules.going(table, step)
        stay = going.nonzero().squeeze(-1)
        if len(stay) < len(going):
            gone = _Table(*select(table, (~going).nonzero().squeeze(-1)))
            for number, hypotheses in zip(gone.sentence.tolist(), rules.answers(gone), strict=True):
                answers[number] = hypotheses
            memory = None if memory is None else select(memory, stay)
            table = _Table(*select(table, stay))
        state = select(state, (stay[:, None] * beams + origin[stay]).flatten())
        token = table.pieces[..., -1].flatten()
    return answers


class _Table(NamedTuple):
    """What is known of the sentences that are not done, a row each.

    Attributes:
        sentence: which one it is, (sentences,).
        limits: how many pieces it may have, (sentences,).
        totals: log-probabilities of what lives, in the order of the search, (sentences, beams).
        scores: of what lives, if it were cut off here, (sentences, beams).
        pieces: of what lives, (sentences, beams, steps).
        finished: scores, log-probabilities and pieces of what has finished, best first; the scores
            of places still free are -inf.
    """

    sentence: Tensor
    limits: Tensor
    totals: Tensor
    scores: Tensor
    pieces: Tensor
    finished: State


@dataclass(frozen=True)
class _Rules:
    """What ends a hypothesis and a sentence."""

    end: int
    width: int
    n_best: int
    length_penalty: float

    def start(self, limits: Tensor) -> _Table:
        """One empty hypothesis a sentence, and nothing finished."""
        sentences = len(limits)
        sentence = torch.arange(sentences, device=limits.device)
        totals = torch.zeros(sentences, 1, device=limits.device)
        nothing = totals.new_full((sentences, self.width), -inf)
        finished = (nothing, nothing, sentence.new_empty(sentences, self.width, 0))
        return _Table(
            sentence, limits, totals, totals, sentence.new_empty(sentences, 1, 0), finished
        )

    def extend(
        self, table: _Table, ways: tuple[Tensor, Tensor, Tensor], extra: Tensor | None, step: int
    ) -> tuple[_Table, Tensor]:
        """The hypotheses a piece longer, and of which beams those that live come.

        Args:
            ways: totals, beams and tokens of the best continuations.
            extra: what the score of each beam has beside, if anything, (sentences, beams).
        """
        totals, beams, tokens = ways
        scores = totals / length_normalizer(step, self.length_penalty)
        if extra is not None:
            scores = scores + gather_places(extra, beams)
        pieces = torch.cat([gather_places(table.pieces, beams), tokens[..., None]], -1)
        ended = tokens == self.end
        ending = (scores.masked_fill(~ended, -inf), totals, pieces)
        finished = _merge(table.finished, tuple(each[:, : self.width] for each in ending))
        living = ended.long().argsort(dim=-1, stable=True)[:, : self.width]
        alive = gather_places(~ended, living)
        totals, scores = (
            gather_places(each, living).masked_fill(~alive, -inf) for each in (totals, scores)
        )
        pieces, beams = gather_places(pieces, living), gather_places(beams, living)
        return _Table(table.sentence, table.limits, totals, scores, pieces, finished), beams

    def going(self, table: _Table, step: int) -> Tensor:
        """Which sentences are not done, (sentences,)."""
        scores = table.finished[0]
        # A total can only fall.
        reachable = table.totals.amax(-1) / length_normalizer(table.limits, self.length_penalty)
        undecided: Tensor = (reachable > scores[:, self.n_best - 1]) & (scores[:, -1] == -inf)
        return undecided & (step < table.limits)

    def answers(self, table: _Table) -> list[list[Hypothesis]]:
        """The first `n_best` of the finished, and then of the living, for each sentence."""
        living = (table.scores, table.totals, table.pieces)
        both = [torch.cat(pair, 1) for pair in zip(table.finished, living, strict=True)]
        rows: Any = zip(*(each.tolist() for each in both), strict=True)
        return [
            [self.hypothesis(*one) for one in zip(*row, strict=True) if one[0] > -inf][
                : self.n_best
            ]
            for row in rows
        ]

    def hypothesis(self, score: float, total: float, pieces: list[int]) -> Hypothesis:
        finished = self.end in pieces
        ids = pieces[: pieces.index(self.end)] if finished else pieces
        return Hypothesis(ids, score, total, finished)


def _merge(finished: State, ending: State) -> State:
    """The best `width` of those that had finished and those that just did."""
    scores, totals, pieces = finished
    new_scores, new_totals, new_pieces = ending
    scores, places = topk(torch.cat([scores, new_scores], -1), scores.shape[-1])
    pieces = torch.cat([pad(pieces, (0, 1)), new_pieces], 1)
    return (
        scores,
        gather_places(torch.cat([totals, new_totals], -1), places),
        gather_places(pieces, places),
    )


def _origin(state: State) -> tuple[torch.device, int]:
    """The device and the rows of a state, which all its tensors share."""
    first = state[0]
    return (first.device, len(first)) if isinstance(first, Tensor) else _origin(first)


def _check(*, width: int, n_best: int, maximum: Tensor, length_penalty: float) -> None:
    if width < 1:
        raise ValueError(f"width must be positive, was: {width}")
    if not 1 <= n_best <= width:
        raise ValueError(f"n_best must be in [1, width = {width}], was: {n_best}")
    if (maximum < 1).any():
        raise ValueError(f"maximum must be positive, was: {maximum.min().item()}")
    if length_penalty < 0:
        raise ValueError(f"length_penalty must be 0 or more, was: {length_penalty}")
