"""The command `seqlstm`, paused at one moment of training, where a test sends it a signal.

    python interrupted.py MOMENT COUNT READY_FILE train RECIPE ...

At the COUNT-th MOMENT it creates READY_FILE and waits for a signal. "disk-full" does not wait: it
makes the writing of the COUNT-th checkpoint fail.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seqlstm.cli.app import main
from seqlstm.runtime.files import is_temporary
from seqlstm.training.loop import TrainingLoop


def wait() -> None:
    """Create the ready file and wait for a signal; return if it only requests a clean stop."""
    Path(READY_FILE).touch()
    signal.pause()


def after_step() -> None:
    """Pause after step COUNT of the run."""
    step = TrainingLoop.step

    def stepped(self: TrainingLoop, batches: Iterator[Any]) -> dict[str, float]:
        values = step(self, batches)
        if self.progress.step == COUNT:
            wait()
        return values

    TrainingLoop.step = stepped  # type: ignore[method-assign]


def around_rename(name: str, *, after: bool) -> None:
    """Pause before or after the COUNT-th rename of the temporary file to NAME."""
    replace, counter = Path.replace, iter(range(1, 1_000_000))

    def replaced(self: Path, target: Path) -> Path:
        if not is_temporary(self.name, [name]) or next(counter) != COUNT:
            return replace(self, target)
        if after:
            replace(self, target)
        wait()
        raise AssertionError("expected to be killed here")

    Path.replace = replaced  # type: ignore[method-assign, assignment]


def inside_write() -> None:
    """Pause in the middle of writing a checkpoint."""
    fill_disk("/dev/null", wait)


def fill_disk(device: str, then: Callable[[], None] = lambda: None) -> None:
    """Write the start of the COUNT-th checkpoint, call `then`, and the rest to a device."""
    opened, counter = Path.open, iter(range(1, 1_000_000))

    def open_elsewhere(self: Path, *arguments: Any, **options: Any) -> Any:
        if not is_temporary(self.name, ["checkpoint.pt"]) or next(counter) != COUNT:
            return opened(self, *arguments, **options)
        with opened(self, "xb") as file:
            file.write(b"PK\x03\x04 half a checkpoint")
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
    _, MOMENT, NUMBER, READY_FILE, *command = sys.argv
    COUNT = int(NUMBER)
    MOMENTS[MOMENT]()
    sys.argv = ["seqlstm", *command]
    main()
