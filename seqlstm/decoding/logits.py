"""From logits to the next token: small pure functions, and `make_sampler`, which composes them.

Logits are (rows, vocabulary); a token that must not be chosen has the logit -inf.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import inf, log
from typing import Any, TypeAlias

import torch
from torch import Generator, Tensor

Sampler: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""`choose(logits, history) -> tokens`: (rows, vocabulary), (rows, recent tokens) -> (rows,)."""

LogitsProcessor: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""`shape(logits, history) -> logits`, of which only those that may be drawn are finite."""

Draw: TypeAlias = Callable[[Tensor], Tensor]
"""`pick(logits) -> tokens`: (rows, vocabulary) -> (rows,)."""

UniformSampler: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""`choose(logits, uniform) -> tokens`: (rows, vocabulary), (rows,) from [0, 1) -> (rows,)."""

MAX_HISTORY = 1024
"""How many of the latest tokens anyone who samples keeps, and so the longest window."""


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Sharpen (below 1) or flatten (above 1) the distribution."""
    return logits / temperature


def keep_top_k(logits: Tensor, count: int) -> Tensor:
    """Leave the `count` likeliest tokens of each row, and never more where some are equal."""
    values, tokens = logits.topk(min(count, logits.shape[-1]))
    return torch.full_like(logits, -inf).scatter(-1, tokens, values)


def keep_top_p(logits: Tensor, mass: float) -> Tensor:
    """Leave the nucleus: the fewest tokens that hold `mass` together (Holtzman et al., 2020)."""
    values, tokens = logits.sort(dim=-1, descending=True, stable=True)
    probabilities = values.softmax(-1)
    likelier = probabilities.cumsum(-1) - probabilities  # what the tokens before this one hold
    outside = likelier >= mass
    outside[:, 0] = False
    return torch.empty_like(logits).scatter(-1, tokens, values.masked_fill(outside, -inf))


def keep_min_p(logits: Tensor, fraction: float) -> Tensor:
    """Leave tokens at least `fraction` as probable as the likeliest (Nguyen et al., 2024)."""
    threshold = logits.amax(-1, keepdim=True) + log(fraction)
    return logits.masked_fill(logits < threshold, -inf)


def forbid_ids(logits: Tensor, ids: Sequence[int]) -> Tensor:
    """Make the given tokens impossible."""
    return logits.index_fill(-1, torch.tensor(ids, dtype=torch.long, device=logits.device), -inf)


def keep_likeliest(logits: Tensor) -> Tensor:
    """Leave the one that `greedy` takes."""
    best = greedy(logits).unsqueeze(-1)
    return torch.full_like(logits, -inf).scatter(-1, best, logits.gather(-1, best))


def penalize_repetition(logits: Tensor, history: Tensor, penalty: float) -> Tensor:
    """Make the tokens of `history` (rows, n) less likely (after CTRL, Keskar et al., 2019).

    A positive logit is divided by `penalty` and a negative one multiplied by it, so that above 1
    it always discourages.
    """
    seen = logits.gather(-1, history)
    return logits.scatter(-1, history, torch.where(seen > 0, seen / penalty, seen * penalty))


def greedy(logits: Tensor) -> Tensor:
    """The likeliest token of each row: (rows,)."""
    return logits.argmax(-1)


def draw(logits: Tensor, generator: Generator | None = None) -> Tensor:
    """One token of each row, drawn with the probabilities `softmax(logits)`: (rows,)."""
    return draw_at(logits, torch.rand(len(logits), generator=generator, device=logits.device))


def draw_at(logits: Tensor, uniform: Tensor) -> Tensor:
    """One token of each row: where `uniform` (rows,), from [0, 1), falls among the probabilities.

    The same number gives the same token, whatever the other rows are.
    """
    cumulative = logits.softmax(-1).cumsum(-1, dtype=torch.float64)
    place = uniform.double().unsqueeze(-1) * cumulative[:, -1:]
    return torch.searchsorted(cumulative, place, right=True).squeeze(-1)


def make_uniform_sampler(
    *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0
) -> UniformSampler:
    """A way to choose by numbers that are drawn before.

    The order is: temperature, top-k, top-p, min-p, draw; arguments as of `make_logits_processor`.

    Raises:
        ValueError: an argument is out of its range.
    """
    filters = _filters(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)

    def choose(logits: Tensor, uniform: Tensor) -> Tensor:
        for narrow in filters:
            logits = narrow(logits)
        return draw_at(logits, uniform) if temperature > 0 else greedy(logits)

    return choose


def make_logits_processor(
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    repetition_penalty: float = 1.0,
    window: int = 64,
    forbid: Sequence[int] = (),
) -> LogitsProcessor:
    """Compose what comes between a model's logits and a draw.

    The order is: forbid, repetition, temperature, top-k, top-p, min-p.

    Args:
        temperature: 0 leaves the likeliest token, and nothing to top-k, top-p and min-p.
        top_k: how many tokens to leave; 0 leaves all.
        top_p: the probability mass of the nucleus; 1 leaves all.
        min_p: the least probability, as a fraction of the largest; 0 leaves all.
        repetition_penalty: on each of the last `window` tokens; 1 is none.
        window: how many of the latest tokens the penalty is laid on, `MAX_HISTORY` at most.
        forbid: ids never chosen.

    Raises:
        ValueError: an argument is out of its range.
    """
    _require(
        repetition_penalty > 0, f"repetition_penalty must be positive, was: {repetition_penalty}"
    )
    _require(0 < window <= MAX_HISTORY, f"window must be in [1, {MAX_HISTORY}], was: {window}")
    filters = _filters(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)

    def shape(logits: Tensor, history: Tensor) -> Tensor:
        logits = logits.float()
        if forbid:
            logits = forbid_ids(logits, forbid)
        if repetition_penalty != 1:
            logits = penalize_repetition(logits, history[:, -window:], repetition_penalty)
        for narrow in filters:
            logits = narrow(logits)
        return logits if temperature > 0 else keep_likeliest(logits)

    return shape


def make_sampler(*, temperature: float = 1.0, pick: Draw = draw, **options: Any) -> Sampler:
    """Compose a way to choose; the defaults draw from the model's own distribution.

    Args:
        temperature, options: those of `make_logits_processor`.
        pick: how to draw, with torch's own generator if not told; nothing is drawn at temperature
            0.

    Raises:
        ValueError: an argument is out of its range.
    """
    shape = make_logits_processor(temperature=temperature, **options)
    last = pick if temperature > 0 else greedy
    return lambda logits, history: last(shape(logits, history))


def _filters(
    *, temperature: float, top_k: int, top_p: float, min_p: float
) -> list[Callable[[Tensor], Tensor]]:
    """Those of the four that change the distribution; none of them changes the likeliest token.

    Raises:
        ValueError: one is out of its range.
    """
    _require(temperature >= 0, f"temperature must be 0 or more, was: {temperature}")
    _require(top_k >= 0, f"top_k must be 0 or more, was: {top_k}")
    _require(0 < top_p <= 1, f"top_p must be in (0, 1], was: {top_p}")
    _require(0 <= min_p <= 1, f"min_p must be in [0, 1], was: {min_p}")
    if temperature == 0:
        return []
    filters: list[Callable[[Tensor], Tensor]] = []
    if temperature != 1:
        filters.append(partial(apply_temperature, temperature=temperature))
    if top_k:
        filters.append(partial(keep_top_k, count=top_k))
    if top_p < 1:
        filters.append(partial(keep_top_p, mass=top_p))
    if min_p:
        filters.append(partial(keep_min_p, fraction=min_p))
    return filters


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
