"""Logits processors and samplers, in the shape of mlx-lm: pure functions and two composers.

Logits are (rows, vocabulary); a token that must not be sampled has the logit -inf.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import inf, log
from typing import Any, TypeAlias

import torch
from torch import Generator, Tensor

Sampler: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""`sampler(logits, history) -> tokens`: (rows, vocabulary), (rows, latest tokens) -> (rows,)."""

LogitsProcessor: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""`process(logits, history) -> logits`, which are -inf at tokens that must not be sampled."""

CategoricalSampler: TypeAlias = Callable[[Tensor], Tensor]
"""`categorical(logits) -> tokens`, sampled from the softmax: (rows, vocabulary) -> (rows,)."""

MAX_HISTORY = 1024
"""Number of latest tokens in a history, and so the largest window."""


LOWEST_TEMPERATURE = 1e-6
"""Lower ones are the same, since logits divided by them could overflow."""


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Sharpen (below 1) or flatten (above 1) the distribution."""
    return logits / max(temperature, LOWEST_TEMPERATURE)


def keep_top_k(logits: Tensor, count: int) -> Tensor:
    """Keep the `count` most probable tokens of each row, never more even with equal logits."""
    values, tokens = logits.topk(min(count, logits.shape[-1]))
    return torch.full_like(logits, -inf).scatter(-1, tokens, values)


def keep_top_p(logits: Tensor, mass: float) -> Tensor:
    """Keep the nucleus: the fewest tokens with a total probability of at least `mass`.

    Holtzman et al. (2020).
    """
    values, tokens = logits.sort(dim=-1, descending=True, stable=True)
    probabilities = values.softmax(-1)
    before = probabilities.cumsum(-1) - probabilities  # of the tokens before this one
    outside = before >= mass
    outside[:, 0] = False
    return torch.empty_like(logits).scatter(-1, tokens, values.masked_fill(outside, -inf))


def keep_min_p(logits: Tensor, fraction: float) -> Tensor:
    """Keep tokens with at least `fraction` of the largest probability (Nguyen et al., 2024)."""
    threshold = logits.amax(-1, keepdim=True) + log(fraction)
    return logits.masked_fill(logits < threshold, -inf)


def forbid_ids(logits: Tensor, ids: Sequence[int]) -> Tensor:
    """Set the logits of these tokens to -inf."""
    return logits.index_fill(-1, torch.tensor(ids, dtype=torch.long, device=logits.device), -inf)


def keep_best(logits: Tensor) -> Tensor:
    """Keep only the most probable token of each row, the one that `greedy` returns."""
    best = greedy(logits).unsqueeze(-1)
    return torch.full_like(logits, -inf).scatter(-1, best, logits.gather(-1, best))


def penalize_repetition(logits: Tensor, history: Tensor, penalty: float) -> Tensor:
    """Make the tokens of `history` (rows, n) less likely (after CTRL, Keskar et al., 2019).

    A positive logit is divided by `penalty` and a negative one multiplied by it: a penalty above 1
    always makes a token less probable.
    """
    seen = logits.gather(-1, history)
    return logits.scatter(-1, history, torch.where(seen > 0, seen / penalty, seen * penalty))


def greedy(logits: Tensor) -> Tensor:
    """The most probable token of each row: (rows,)."""
    return logits.argmax(-1)


def categorical_sampling(logits: Tensor, generator: Generator | None = None) -> Tensor:
    """One token of each row, sampled from `softmax(logits)`: (rows,)."""
    return inverse_transform_sampling(
        logits, torch.rand(len(logits), generator=generator, device=logits.device)
    )


def inverse_transform_sampling(logits: Tensor, uniform: Tensor) -> Tensor:
    """One token of each row, from a random number in [0, 1) of each row: (rows,).

    The token of a row does not depend on the other rows.
    """
    cumulative = logits.softmax(-1).cumsum(-1, dtype=torch.float64)
    threshold = uniform.double().unsqueeze(-1) * cumulative[:, -1:]
    return torch.searchsorted(cumulative, threshold, right=True).squeeze(-1)


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
    """Compose the functions that change logits before sampling.

    The order is: forbid, repetition, temperature, top-k, top-p, min-p.

    Args:
        temperature: at 0 only the most probable token remains, and top_k, top_p and min_p have no
            effect.
        top_k: number of tokens to keep; 0 keeps all.
        top_p: the probability mass of the nucleus; 1 keeps all.
        min_p: the smallest probability to keep, as a fraction of the largest; 0 keeps all.
        repetition_penalty: on each of the last `window` tokens; 1 for none.
        window: number of latest tokens with a repetition penalty, at most `MAX_HISTORY`.
        forbid: ids that are never sampled.

    Raises:
        ValueError: an argument is out of its range.
    """
    _require(
        repetition_penalty > 0, f"repetition_penalty must be positive, was: {repetition_penalty}"
    )
    _require(0 < window <= MAX_HISTORY, f"window must be in [1, {MAX_HISTORY}], was: {window}")
    filters = _filters(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)

    def process(logits: Tensor, history: Tensor) -> Tensor:
        logits = logits.float()
        if forbid:
            logits = forbid_ids(logits, forbid)
        if repetition_penalty != 1:
            logits = penalize_repetition(logits, history[:, -window:], repetition_penalty)
        for apply in filters:
            logits = apply(logits)
        return logits if temperature > 0 else keep_best(logits)

    return process


def make_sampler(
    *,
    temperature: float = 1.0,
    categorical: CategoricalSampler = categorical_sampling,
    **options: Any,
) -> Sampler:
    """Compose a logits processor and a categorical sampler; by default, the model's distribution.

    Args:
        temperature, options: those of `make_logits_processor`.
        categorical: samples from the processed logits, by default with torch's generator; not
            called at temperature 0.

    Raises:
        ValueError: an argument is out of its range.
    """
    process = make_logits_processor(temperature=temperature, **options)
    sample = categorical if temperature > 0 else greedy
    return lambda logits, history: sample(process(logits, history))


def _filters(
    *, temperature: float, top_k: int, top_p: float, min_p: float
) -> list[Callable[[Tensor], Tensor]]:
    """The functions that these options switch on; none changes which token is the most probable.

    Raises:
        ValueError: an option is out of its range.
    """
    _require(0 <= temperature < inf, f"temperature must be 0 or more, was: {temperature}")
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
