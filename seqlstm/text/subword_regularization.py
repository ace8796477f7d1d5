"""Subword regularisation: a word's segmentation, drawn instead of chosen.

SentencePiece can sample too, but its generator's state cannot be saved, and the same seed gives
other draws in another process (seen with 0.2.3). A resumed run has to see what the first one would
have seen, so the two distributions are drawn here, from uniform numbers that the caller supplies.

A word is an escaped one (`▁the`). Both samplers keep what they worked out, within bounds: most
words of any text have been there before.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate, pairwise
from math import exp, log
from typing import NamedTuple

Uniform = Callable[[], float]
"""Draws the next number from [0, 1)."""

WORDS_KEPT = 1 << 15
PIECES_KEPT = 1 << 20
LONGEST_WORD = 256


class PieceInventory(NamedTuple):
    """The pieces that text can be made of.

    Attributes:
        scores: log-probability (unigram) or priority (bpe; higher merges first) of each piece.
        ids: id of each piece.
        spell: the ids that stand for a character which is no piece: its bytes, or the unknown id.
    """

    scores: dict[str, float]
    ids: dict[str, int]
    spell: Callable[[str], list[int]]

    def write(self, pieces: list[str]) -> list[int]:
        """The ids of a segmentation."""
        known = self.ids
        return [
            id
            for piece in pieces
            for id in ((known[piece],) if piece in known else self.spell(piece))
        ]


class Ending(NamedTuple):
    """How a segmentation can end at one position: where its last piece begins, and how likely."""

    starts: list[int]
    cumulative: list[float]


class UnigramSampler:
    """Draws a segmentation with probability proportional to P(segmentation)^alpha (Kudo, 2018).

    All segmentations are candidates: forward filtering, backward sampling.
    """

    def __init__(self, inventory: PieceInventory, alpha: float) -> None:
        self._inventory = inventory
        self._alpha = alpha
        self._longest = max(map(len, inventory.scores))
        # What SentencePiece charges for a character outside the vocabulary.
        self._unknown_score = min(inventory.scores.values()) - 10.0
        self._endings = lru_cache(WORDS_KEPT)(self._filter)

    def __call__(self, word: str, uniform: Uniform) -> list[int]:
        """The ids of one segmentation of `word`."""
        endings = self._endings(word)
        pieces = []
        end = len(word)
        while end:
            starts, cumulative = endings[end]
            start = starts[bisect(cumulative, uniform()) if len(starts) > 1 else 0]
            pieces.append(word[start:end])
            end = start
        return self._inventory.write(pieces[::-1])

    def _filter(self, word: str) -> list[Ending]:
        """For every position of `word`, the ways to arrive there."""
        forward = [0.0]
        endings = [Ending([], [])]
        for end in range(1, len(word) + 1):
            arrivals = self._arrivals(word, end)
            weights = [forward[start] + self._alpha * score for start, score in arrivals]
            heaviest = max(weights)
            masses = list(accumulate(exp(weight - heaviest) for weight in weights))
            forward.append(heaviest + log(masses[-1]))
            # The last boundary is left out: bisect then cannot fall off the end.
            cumulative = [mass / masses[-1] for mass in masses[:-1]]
            endings.append(Ending([start for start, _ in arrivals], cumulative))
        return endings

    def _arrivals(self, word: str, end: int) -> list[tuple[int, float]]:
        """Where the pieces that end at `end` begin, and their scores."""
        scores = self._inventory.scores
        found = [
            (start, scores[word[start:end]])
            for start in range(max(0, end - self._longest), end)
            if word[start:end] in scores
        ]
        if not found or found[-1][0] != end - 1:
            found.append((end - 1, self._unknown_score))
        return found


class State:
    """A segmentation on the way, and the states that one more merge makes of it."""

    __slots__ = ("ids", "next", "pieces", "places")

    def __init__(self, pieces: list[str], places: list[int], ids: list[int]) -> None:
        self.pieces = pieces
        self.places = places  # where two neighbours can merge, the best first
        self.next: list[State | None] = [None] * len(places)
        self.ids = ids


class DropoutSampler:
    """BPE-dropout (Provilkov, Emelianenko & Voita, 2020): at every step each merge is dropped with
    probability `alpha`; the best of the others is made, until none is left."""

    def __init__(self, inventory: PieceInventory, alpha: float) -> None:
        self._inventory = inventory
        self._alpha = alpha
        self._first: dict[str, State] = {}
        self._kept = 0

    def __call__(self, word: str, uniform: Uniform) -> list[int]:
        """The ids of one segmentation of `word`."""
        if len(word) > LONGEST_WORD:  # its merges would cost the square of its length
            parts = (word[at : at + LONGEST_WORD] for at in range(0, len(word), LONGEST_WORD))
            return [id for part in parts for id in self(part, uniform)]
        state = self._first.get(word) or self._begin(word)
        alpha = self._alpha
        while True:
            # Only whether the best merges are dropped matters: what comes after the first kept one
            # need not be drawn.
            for choice, following in enumerate(state.next):
                if uniform() >= alpha:
                    state = following or self._merge(state, choice)
                    break
            else:
                return state.ids

    def _begin(self, word: str) -> State:
        state = self._state(list(word))
        if self._has_room(state):
            self._first[word] = state
        return state

    def _merge(self, state: State, choice: int) -> State:
        place, pieces = state.places[choice], state.pieces
        joined = pieces[place] + pieces[place + 1]
        following = self._state([*pieces[:place], joined, *pieces[place + 2 :]])
        if self._has_room(following):
            state.next[choice] = following
        return following

    def _has_room(self, state: State) -> bool:
        """Counts one more state to keep. The first ones stay: frequent words come early."""
        if self._kept < PIECES_KEPT:
            self._kept += len(state.pieces)
        return self._kept < PIECES_KEPT

    def _state(self, pieces: list[str]) -> State:
        scores = self._inventory.scores
        joined = [first + second for first, second in pairwise(pieces)]
        places = [place for place, piece in enumerate(joined) if piece in scores]
        places.sort(key=lambda place: -scores[joined[place]])  # stable: ties from left to right
        return State(pieces, places, self._inventory.write(pieces))
