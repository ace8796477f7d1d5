"""Subword regularization: random segmentations of a word, by unigram sampling or BPE-dropout.

SentencePiece can also sample, but the state of its generator cannot be saved, and the same seed
returns other samples in another process (observed with 0.2.3). Because resuming must be exact, both
methods are implemented here, with uniform random numbers from the caller.

Words are escaped (`▁the`). Both samplers have a bounded cache, because most words of a text are
repetitions.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import accumulate, pairwise
from math import exp, log
from typing import NamedTuple

Uniform = Callable[[], float]
"""Returns the next random number of [0, 1)."""

MAX_CACHED_WORDS = 1 << 15
MAX_CACHED_PIECES = 1 << 20
MAX_WORD_LENGTH = 256


class PieceInventory(NamedTuple):
    """The pieces of a vocabulary that can be part of a text.

    Attributes:
        scores: log-probability (unigram) or merge priority (bpe; highest first) of each piece.
        ids: id of each piece.
        spell: returns the ids of a character that is not a piece: its bytes, or the unknown id.
        unused: pieces of bpe that only serve to form others; a longer one is split again.
    """

    scores: dict[str, float]
    ids: dict[str, int]
    spell: Callable[[str], list[int]]
    unused: frozenset[str] = frozenset()

    def encode(self, pieces: Iterable[str]) -> list[int]:
        """The ids of a segmentation."""
        ids = self.ids
        return [
            id for piece in pieces for id in ((ids[piece],) if piece in ids else self.spell(piece))
        ]


class LastPiece(NamedTuple):
    """The distribution of a prefix's last piece: possible starts and cumulative probabilities."""

    starts: list[int]
    cumulative: list[float]


class UnigramSampler:
    """Unigram sampling: a segmentation with probability proportional to P(segmentation)^alpha.

    Kudo (2018), over all segmentations, by forward filtering and backward sampling.
    """

    def __init__(self, inventory: PieceInventory, alpha: float) -> None:
        self._inventory = inventory
        self._alpha = alpha
        self._max_piece_length = max(map(len, inventory.scores))
        # SentencePiece's penalty of a character outside the vocabulary.
        self._unknown_score = min(inventory.scores.values()) - 10.0
        self._last_pieces = lru_cache(MAX_CACHED_WORDS)(self._filter)

    def __call__(self, word: str, uniform: Uniform) -> list[int]:
        """The ids of a random segmentation of `word`."""
        last_pieces = self._last_pieces(word)
        pieces = []
        end = len(word)
        while end:
            starts, cumulative = last_pieces[end]
            start = starts[bisect(cumulative, uniform()) if len(starts) > 1 else 0]
            pieces.append(word[start:end])
            end = start
        return self._inventory.encode(pieces[::-1])

    def _filter(self, word: str) -> list[LastPiece]:
        """The forward pass: the distribution of the last piece of every prefix of `word`."""
        forward = [0.0]
        last_pieces = [LastPiece([], [])]
        for end in range(1, len(word) + 1):
            candidates = self._candidates(word, end)
            log_weights = [forward[start] + self._alpha * score for start, score in candidates]
            maximum = max(log_weights)
            masses = list(accumulate(exp(log_weight - maximum) for log_weight in log_weights))
            forward.append(maximum + log(masses[-1]))
            # Without the last boundary, `bisect` cannot return an index past the end.
            cumulative = [mass / masses[-1] for mass in masses[:-1]]
            last_pieces.append(LastPiece([start for start, _ in candidates], cumulative))
        return last_pieces

    def _candidates(self, word: str, end: int) -> list[tuple[int, float]]:
        """Start and score of every possible last piece of `word[:end]`."""
        scores = self._inventory.scores
        candidates = [
            (start, scores[word[start:end]])
            for start in range(max(0, end - self._max_piece_length), end)
            if word[start:end] in scores
        ]
        if not candidates or candidates[-1][0] != end - 1:
            candidates.append((end - 1, self._unknown_score))
        return candidates


Halves = Mapping[str, tuple[str, str]]
"""The two pieces of which an unused piece was merged."""


class MergeState:
    """A segmentation during BPE, with its possible merges and, cached, the segmentations after."""

    __slots__ = ("after_merge", "halves", "ids", "merges", "pieces")

    def __init__(
        self, pieces: list[str], merges: list[int], ids: list[int], halves: Halves
    ) -> None:
        self.pieces = pieces
        self.halves = halves
        self.merges = merges  # index of the first piece of each possible merge, best merge first
        self.after_merge: list[MergeState | None] = [None] * len(merges)
        self.ids = ids


class BPEDropoutSampler:
    """BPE-dropout (Provilkov, Emelianenko & Voita, 2020).

    At every step each possible merge is dropped with probability `alpha`, and the best of the
    others is applied; the segmentation is complete when all are dropped or none is possible.
    """

    def __init__(self, inventory: PieceInventory, alpha: float) -> None:
        self._inventory = inventory
        self._alpha = alpha
        self._characters: dict[str, MergeState] = {}
        self._cached_pieces = 0

    def __call__(self, word: str, uniform: Uniform) -> list[int]:
        """The ids of a random segmentation of `word`."""
        if len(word) > MAX_WORD_LENGTH:  # the cost is quadratic in the length
            parts = (word[at : at + MAX_WORD_LENGTH] for at in range(0, len(word), MAX_WORD_LENGTH))
            return [id for part in parts for id in self(part, uniform)]
        state = self._characters.get(word) or self._begin(word)
        alpha = self._alpha
        while True:
            # Merges are tried from best to worst: those after the first survivor need no sampling.
            for choice, after in enumerate(state.after_merge):
                if uniform() >= alpha:
                    state = after or self._merge(state, choice)
                    break
            else:
                return state.ids

    def _begin(self, word: str) -> MergeState:
        state = self._state(list(word), {})
        if self._has_room(state):
            self._characters[word] = state
        return state

    def _merge(self, state: MergeState, choice: int) -> MergeState:
        index, pieces = state.merges[choice], state.pieces
        left, right = pieces[index : index + 2]
        halves = state.halves
        if left + right in self._inventory.unused:
            halves = {**halves, left + right: (left, right)}
        after = self._state([*pieces[:index], left + right, *pieces[index + 2 :]], halves)
        if self._has_room(after):
            state.after_merge[choice] = after
        return after

    def _has_room(self, state: MergeState) -> bool:
        """Whether the cache has room for a state, which is then counted.

        States are never removed: frequent words come early.
        """
        if self._cached_pieces < MAX_CACHED_PIECES:
            self._cached_pieces += len(state.pieces)
        return self._cached_pieces < MAX_CACHED_PIECES

    def _state(self, pieces: list[str], halves: Halves) -> MergeState:
        scores = self._inventory.scores
        merged = [left + right for left, right in pairwise(pieces)]
        merges = [index for index, piece in enumerate(merged) if piece in scores]
        merges.sort(key=lambda index: -scores[merged[index]])  # stable: ties from left to right
        whole = pieces if not halves else split_unused(pieces, halves)
        return MergeState(pieces, merges, self._inventory.encode(whole), halves)


def split_unused(pieces: Iterable[str], halves: Halves) -> Iterator[str]:
    """The pieces, with each unused one split as it was merged."""
    for piece in pieces:
        if piece in halves:
            yield from split_unused(halves[piece], halves)
        else:
            yield piece
