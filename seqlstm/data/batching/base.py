"""What buckets and tapes have in common: batches without end, and a position to resume from.

A batch of training is a pure function of (seed, epoch, place in the epoch), so a resumed run draws
what the run that was never stopped would have drawn.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TypedDict

from seqlstm.models.batch import Batch


class Position(TypedDict):
    """Where the next batch stands.

    `place`: batches of the epoch that came before it. `drawn` of `size`: how much of the epoch
    these were, in rows or tokens.
    """

    epoch: int
    place: int
    drawn: int
    size: int


class Batches(ABC):
    """Training batches, epoch after epoch, without end. Iterating moves the position.

    Args:
        size: of an epoch, in rows or tokens.
    """

    def __init__(self, size: int) -> None:
        self.epoch = 0
        self.place = 0
        self.drawn = 0
        self.size = size

    @property
    def epochs(self) -> float:
        """Epochs done, the current one's share included."""
        return self.epoch + self.drawn / self.size

    @abstractmethod
    def measure(self, batch: Batch) -> int:
        """A batch's part of the epoch's size."""

    @abstractmethod
    def of_epoch(self, epoch: int, skip: int) -> Iterator[Batch]:
        """The batches of one epoch but the first `skip`."""

    def state_dict(self) -> Position:
        return Position(epoch=self.epoch, place=self.place, drawn=self.drawn, size=self.size)

    def load_state_dict(self, position: Position) -> None:
        self.epoch, self.place = position["epoch"], position["place"]
        self.drawn, self.size = position["drawn"], position["size"]

    def __iter__(self) -> Iterator[Batch]:
        while True:
            for place, batch in enumerate(self.of_epoch(self.epoch, self.place), self.place):
                self.place = place + 1
                self.drawn += self.measure(batch)
                yield batch
            self.epoch, self.place, self.drawn = self.epoch + 1, 0, 0


def mix_seeds(*parts: int) -> int:
    """One seed made of several numbers: the same wherever and whenever it is computed."""
    return zlib.crc32("/".join(map(str, parts)).encode())
