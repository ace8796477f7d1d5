"""The command, held still at one moment of its training, so that a test may stop it just there.

    python interrupted.py MOMENT COUNT SIGN train RECIPE ...

At the COUNT-th MOMENT it writes the file SIGN and waits for a signal. With "disk-full" it does not
wait: the COUNT-th checkpoint meets a full disk.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seqlstm.cli.app import main
from seqlstm.training.loop import TrainingLoop


def wait() -> None:
    """Write the sign, and wait for a signal; go on if it is one that asks for a clean stop."""
    Path(SIGN).touch()
    signal.pause()


def after_step() -> None:
    """COUNT is the number of the step, from the run's beginning."""
    step = TrainingLoop.step

    def stepped(self: TrainingLoop, drawn: Iterator[Any]) -> dict[str, float]:
        values = step(self, drawn)
        if self.progress.step == COUNT:
            wait()
        return values

    TrainingLoop.step = stepped  # type: ignore[method-assign]


def around_rename(name: str, *, after: bool) -> None:
    """When the file NAME is complete under its temporary name, before or after it is renamed."""
    replace, seen = Path.replace, iter(range(1, 1_000_000))

    def replaced(self: Path, target: Path) -> Path:
        if self.name != f"{name}.tmp" or next(seen) != COUNT:
            return replace(self, target)
        if after:
            replace(self, target)
        wait()
        raise AssertionError("to be killed here")

    Path.replace = replaced  # type: ignore[method-assign, assignment]


def inside_write() -> None:
    """When half of a checkpoint is written."""
    fill_disk("/dev/null", wait)


def fill_disk(device: str, then: Callable[[], None] = lambda: None) -> None:
    """The COUNT-th checkpoint is written to a device."""
    opened, seen = Path.open, iter(range(1, 1_000_000))

    def open_elsewhere(self: Path, *arguments: Any, **options: Any) -> Any:
        if self.name != "checkpoint.pt.tmp" or next(seen) != COUNT:
            return opened(self, *arguments, **options)
        with opened(self, "wb") as half:
            half.write(b"PK\x03\x04 half a checkpoint")
        then()
        return opened(Path(device), "wb")

    Path.open = open_elsewhere  # type: ignore[method-assign, assignment]


MOMENTS: dict[str, Callable[[], None]] = {
    "step": after_step,
    "half": inside_write,
    "checkpoint": lambda: around_rename("checkpoint.pt", after=False),
    "best": lambda: around_rename("best.safetensors", after=True),
    "last": lambda: around_rename("last.safetensors", after=True),
    "disk-full": lambda: fill_disk("/dev/full"),
}

if __name__ == "__main__":
    _, MOMENT, NUMBER, SIGN, *command = sys.argv
    COUNT = int(NUMBER)
    MOMENTS[MOMENT]()
    sys.argv = ["seqlstm", *command]
    main()
