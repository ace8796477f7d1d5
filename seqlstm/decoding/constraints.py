"""Constraints on the next token, as functions on the log-probabilities of all rows.

Lexical constraints, phrases that must appear, are in `lexical_constraints.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import pad

from seqlstm.kernels.softmax import log_softmax

NO_TOKEN = -2  # an id that equals no token
ANY_TOKEN = -1  # padding of phrases: it matches every token


class Prefix(NamedTuple):
    """The generated tokens of each row, (rows, steps), and the sentence of each row, (rows,)."""

    tokens: Tensor
    sentence: Tensor


Constraint: TypeAlias = Callable[[Tensor, Prefix], None]
"""`constrain(log_probs, prefix)` sets forbidden tokens of (rows, vocabulary) to -inf, in place."""


def constrained_log_probs(
    logits: Tensor, prefix: Prefix, constraints: Sequence[Constraint]
) -> Tensor:
    """Log-probabilities (rows, vocabulary) in float32, -inf at forbidden tokens."""
    log_probs = log_softmax(logits, torch.float32)
    for constrain in constraints:
        constrain(log_probs, prefix)
    return log_probs


def forbid_tokens(ids: Sequence[int]) -> Constraint:
    """Forbid these tokens."""
    forbidden = torch.tensor(sorted(set(ids)), dtype=torch.long)

    def constrain(log_probs: Tensor, prefix: Prefix) -> None:
        log_probs.index_fill_(-1, forbidden.to(log_probs.device), -inf)

    return constrain


def limit_tokens(ids: Sequence[int], allowed: Sequence[Sequence[int]]) -> Constraint:
    """Allow each of these tokens at most as often in a sentence as `allowed` has it.

    Args:
        ids: the tokens with a limit.
        allowed: those that each sentence may have, once for each time that they are listed.
    """
    limited = torch.tensor(ids, dtype=torch.long)
    counts = torch.tensor([[row.count(id) for id in ids] for row in allowed], dtype=torch.long)

    def constrain(log_probs: Tensor, prefix: Prefix) -> None:
        tokens = limited.to(log_probs.device)
        used = (prefix.tokens[:, :, None] == tokens).sum(1)  # (rows, limited tokens)
        exhausted = used >= counts.to(log_probs.device)[prefix.sentence]
        log_probs[:, tokens] = log_probs[:, tokens].masked_fill(exhausted, -inf)

    return constrain


def min_length(minimum: int, *, eos: int) -> Constraint:
    """Forbid eos before a minimum number of tokens."""

    def constrain(log_probs: Tensor, prefix: Prefix) -> None:
        if prefix.tokens.shape[-1] < minimum:
            log_probs[:, eos] = -inf

    return constrain


def max_length(maximum: int, *, eos: int) -> Constraint:
    """Force eos after a maximum number of tokens."""

    def constrain(log_probs: Tensor, prefix: Prefix) -> None:
        if prefix.tokens.shape[-1] >= maximum:
            eos_log_probs = log_probs[:, eos].clone()
            log_probs.fill_(-inf)
            log_probs[:, eos] = eos_log_probs

    return constrain


def no_repeat_ngram(size: int) -> Constraint:
    """Forbid repeated n-grams of `size` tokens (Paulus et al., 2018, for trigrams).

    Raises:
        ValueError: `size` is not positive.
    """
    if size < 1:
        raise ValueError(f"an n-gram has at least one token, was: {size}")

    def constrain(log_probs: Tensor, prefix: Prefix) -> None:
        steps = prefix.tokens.shape[-1]
        if steps < size:
            return
        windows = prefix.tokens.unfold(-1, size, 1)  # (rows, positions, size)
        latest = prefix.tokens[:, None, steps - size + 1 :]
        rows, positions = (windows[..., :-1] == latest).all(-1).nonzero(as_tuple=True)
        log_probs[rows, windows[rows, positions, -1]] = -inf

    return constrain


def forbid_phrases(phrases: Sequence[Sequence[int]]) -> Constraint:
    """Forbid phrases, given as token ids.

    Raises:
        ValueError: a phrase is empty, or there are no phrases.
    """
    if not phrases or not all(phrases):
        raise ValueError("phrases that must not appear have at least one token each")
    longest = max(map(len, phrases))
    table = torch.tensor(
        [[ANY_TOKEN] * (longest - len(phrase)) + list(phrase) for phrase in phrases]
    )

    def constrain(log_probs: Tensor, prefix: Prefix) -> None:
        phrase_ids = table.to(log_probs.device)
        latest = pad(prefix.tokens, (longest - 1, 0), value=NO_TOKEN)[:, prefix.tokens.shape[-1] :]
        begun = phrase_ids[:, :-1]  # (phrases, longest - 1)
        same = (latest[:, None] == begun) | (begun == ANY_TOKEN)
        rows, indices = same.all(-1).nonzero(as_tuple=True)
        log_probs[rows, phrase_ids[indices, -1]] = -inf

    return constrain


def force_prefixes(
    prefixes: Sequence[Sequence[int]], *, then: Sequence[Constraint] = ()
) -> Constraint:
    """Force each sentence to begin with its prefix; the constraints `then` apply only after it."""
    longest = max(map(len, prefixes), default=0)
    table = torch.tensor(
        [[*prefix, *[ANY_TOKEN] * (longest - len(prefix))] for prefix in prefixes], dtype=torch.long
    ).view(len(prefixes), longest)

    def constrain(log_probs: Tensor, prefix: Prefix) -> None:
        step = prefix.tokens.shape[-1]
        if step >= longest:
            rows = tokens = prefix.sentence.new_empty(0)
        else:
            tokens = table.to(log_probs.device)[prefix.sentence, step]
            rows = (tokens != ANY_TOKEN).nonzero().squeeze(-1)
            tokens = tokens[rows]
        forced = log_probs[rows, tokens]
        for constraint in then:
            constraint(log_probs, prefix)
        log_probs[rows] = -inf
        log_probs[rows, tokens] = forced

    return constrain
