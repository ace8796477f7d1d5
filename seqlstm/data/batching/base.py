"""Training batches without end, which can be resumed at any position.

A training batch is a pure function of (seed, epoch, index in the epoch), so a resumed run sees the
same batches as an uninterrupted one.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TypedDict

from seqlstm.models.batch import Batch


class Position(TypedDict):
    """The position of the next batch.

    `batch_in_epoch` is the number of earlier batches in the epoch. `consumed` is the number of rows
    or tokens in these batches, of the `epoch_size` in the whole epoch.
    """

    epoch: int
    batch_in_epoch: int
    consumed: int
    epoch_size: int


class Batches(ABC):
    """Training batches, epoch after epoch, without end. Iterating moves the position.

    Args:
        epoch_size: number of rows or tokens in an epoch.
    """

    def __init__(self, epoch_size: int) -> None:
        self.epoch = 0
        self.batch_in_epoch = 0
        self.consumed = 0
        self.epoch_size = epoch_size

    @property
    def epochs(self) -> float:
        """Number of epochs so far, with the fraction of the current epoch."""
        return self.epoch + self.consumed / self.epoch_size

    @abstractmethod
    def measure(self, batch: Batch) -> int:
        """Number of rows or tokens in a batch, in the unit of `epoch_size`."""

    @abstractmethod
    def of_epoch(self, epoch: int, skip: int) -> Iterator[Batch]:
        """The batches of one epoch without the first `skip`."""

    def state_dict(self) -> Position:
        return Position(
            epoch=self.epoch,
            batch_in_epoch=self.batch_in_epoch,
            consumed=self.consumed,
            epoch_size=self.epoch_size,
        )

    def load_state_dict(self, position: Position) -> None:
        self.epoch, self.batch_in_epoch = position["epoch"], position["batch_in_epoch"]
        self.consumed, self.epoch_size = position["consumed"], position["epoch_size"]

    def __iter__(self) -> Iterator[Batch]:
        while True:
            for batch in self.of_epoch(self.epoch, self.batch_in_epoch):
                self.batch_in_epoch += 1
                self.consumed += self.measure(batch)
                yield batch
            self.epoch, self.batch_in_epoch, self.consumed = self.epoch + 1, 0, 0


def mix_seeds(*parts: int) -> int:
    """One seed from several numbers, the same on every machine."""
    return zlib.crc32("/".join(map(str, parts)).encode())
