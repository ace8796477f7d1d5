"""Beam search over many sentences at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import overload

import torch
from torch import Tensor
from torch.nn.functional import pad

from seqlstm.decoding.advance import Advance
from seqlstm.recurrent.state import State, select


@dataclass(frozen=True)
class Hypothesis:
    """One way to continue a sentence.

    Attributes:
        ids: the pieces, without begin and end.
        score: the log-probability under the length penalty; what the search maximises.
        log_probability: in nats, the end piece included.
        finished: whether it came to its end piece before the maximum.
    """

    ids: list[int]
    score: float
    log_probability: float
    finished: bool


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
    minimum: int = 0,
    length_penalty: float = 1.0,
    n_best: int = 1,
    forbid: Sequence[int] = (),
) -> list[list[Hypothesis]]:
    """Search for the continuations of the highest score, `log P / penalty(length)`.

    A sentence is done when `width` of its hypotheses have finished, when none that lives can still
    reach its best `n_best`, or at its maximum. A hypothesis finishes when its end piece is among
    the best `width` continuations of its sentence. Rows reach `advance` sentence by sentence,
    `width` each; sentences that are done are no longer among them.

    Args:
        advance: the model's step.
        state: as the first step finds it, (sentences, ...).
        memory: what never changes, (sentences, ...), never copied for the beams; may be None.
        begin: the piece that the first step reads.
        end: the piece that finishes a hypothesis.
        width: how many hypotheses live at a time; 1 is greedy search.
        maximum: how many pieces may be chosen, the end counted: for all, or for each (sentences,).
        minimum: how many pieces must come before the end.
        length_penalty: alpha of `penalty`; 0 compares plain log-probabilities.
        n_best: how many hypotheses to return for a sentence.
        forbid: ids never chosen.

    Returns:
        For each sentence its `n_best` hypotheses, best first. Unfinished ones, cut off at the
        maximum, only fill places for which too few have finished, and come after these. Fewer are
        returned only where no more are possible.

    Raises:
        ValueError: `width`, `n_best`, `maximum` or `length_penalty` is out of its range.
    """
    device, sentences = _origin(state)
    limits = torch.as_tensor(maximum, device=device).expand(sentences)
    _check(width=width, n_best=n_best, maximum=limits, length_penalty=length_penalty)
    answers: list[list[Hypothesis]] = [[] for _ in range(sentences)]
    never = torch.tensor(list(forbid), dtype=torch.long, device=device)
    too_early = torch.tensor([*forbid, end], dtype=torch.long, device=device)

    sentence = torch.arange(sentences, device=device)  # which one each row of the tables is about
    state = select(state, sentence.repeat_interleave(width))
    token = torch.full((sentences * width,), begin, device=device)
    totals = torch.full((sentences, width), -inf, device=device)
    totals[:, 0] = 0.0  # all beams are the same at first: only one of them counts
    pieces = token.new_empty(sentences, width, 0)
    # Scores, log-probabilities and pieces of the finished, best first; places still free are -inf.
    finished = (torch.full_like(totals, -inf), torch.full_like(totals, -inf), pieces)

    step = 0
    while len(sentence):
        step += 1
        logits, state = advance(token, state, memory)
        gains = torch.log_softmax(logits, -1, dtype=torch.float32)
        gains.index_fill_(-1, too_early if step <= minimum else never, -inf)
        totals, beams, tokens = _continuations(totals, gains)
        pieces = torch.cat([_pick(pieces, beams), tokens[..., None]], -1)

        ended = tokens == end
        ending = totals.masked_fill(~ended, -inf)[:, :width]
        finished = _merge(finished, (ending / penalty(step, length_penalty), ending, pieces))
        totals, places = _leading(totals.masked_fill(ended, -inf), width)
        beams, tokens, pieces = (_pick(each, places) for each in (beams, tokens, pieces))

        scores = finished[0]
        reachable = totals[:, 0] / penalty(limits, length_penalty)  # a total can only fall
        going = (reachable > scores[:, n_best - 1]) & (scores[:, -1] == -inf) & (step < limits)
        stay = going.nonzero().squeeze(-1)
        origin = stay[:, None] * width + beams[stay]
        if len(stay) < len(sentence):
            living = (totals / penalty(step, length_penalty), totals, pieces)
            gone = (~going).nonzero().squeeze(-1)
            best = _answers(select(finished, gone), select(living, gone), end=end, n_best=n_best)
            for number, hypotheses in zip(sentence[gone].tolist(), best, strict=True):
                answers[number] = hypotheses
            memory = None if memory is None else select(memory, stay)
            tables = (sentence, limits, tokens, totals, pieces, finished)
            sentence, limits, tokens, totals, pieces, finished = select(tables, stay)
        state = select(state, origin.flatten())
        token = tokens.flatten()
    return answers


@overload
def penalty(length: int, alpha: float) -> float: ...
@overload
def penalty(length: Tensor, alpha: float) -> Tensor: ...
def penalty(length: int | Tensor, alpha: float) -> float | Tensor:
    """What a log-probability is divided by: `((5 + length) / 6) ** alpha` (Wu et al., 2016).

    `length` counts the end piece.
    """
    scaled: float | Tensor = ((5 + length) / 6) ** alpha
    return scaled


def _continuations(totals: Tensor, gains: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The best 2·width ways to go on, best first: their totals, beams and tokens.

    No more than `width` of them can be ends, so `width` are left to live on. These, and an end,
    are among the best `width + 1` of their beams: no sum over the whole vocabulary is needed.
    """
    sentences, width = totals.shape
    candidates = min(width + 1, gains.shape[-1])
    values, tokens = _leading(gains, candidates)
    sums = (totals.view(-1, 1) + values).view(sentences, -1)  # (sentences, width·candidates)
    totals, places = _leading(sums, min(2 * width, sums.shape[-1]))
    return totals, places // candidates, _pick(tokens.view(sentences, -1), places)


def _leading(scores: Tensor, amount: int) -> tuple[Tensor, Tensor]:
    """`topk` with equal scores in the order of their places, as `argmax` has them.

    Half-precision logits are often equal. (Of more than `amount` equal ones, `topk` picks.)
    """
    places = scores.topk(amount).indices.sort(-1).values
    values, order = scores.gather(-1, places).sort(dim=-1, descending=True, stable=True)
    return values, places.gather(-1, order)


def _pick(table: Tensor, places: Tensor) -> Tensor:
    """From (sentences, n, ...) the given places (sentences, m) of each: (sentences, m, ...)."""
    return table[torch.arange(len(table), device=table.device)[:, None], places]


def _merge(finished: State, ending: State) -> State:
    """The best `width` of those that had finished and those that just did."""
    scores, totals, pieces = finished
    new_scores, new_totals, new_pieces = ending
    width = scores.shape[-1]
    scores, places = _leading(torch.cat([scores, new_scores], -1), width)
    pieces = torch.cat([pad(pieces, (0, 1)), new_pieces[:, :width]], 1)
    return scores, _pick(torch.cat([totals, new_totals], -1), places), _pick(pieces, places)


def _answers(finished: State, living: State, *, end: int, n_best: int) -> list[list[Hypothesis]]:
    """The first `n_best` of the finished, and then of the living, for each sentence."""
    tables = [torch.cat(pair, 1).tolist() for pair in zip(finished, living, strict=True)]
    return [
        [
            _hypothesis(score, total, pieces, end=end)
            for score, total, pieces in zip(*rows, strict=True)
            if score > -inf
        ][:n_best]
        for rows in zip(*tables, strict=True)
    ]


def _hypothesis(score: float, total: float, pieces: list[int], *, end: int) -> Hypothesis:
    finished = end in pieces
    ids = pieces[: pieces.index(end)] if finished else pieces
    return Hypothesis(ids, score, total, finished)


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
