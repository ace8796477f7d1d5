"""The command `seqlstm`, also as `python -m seqlstm`."""

import os
import signal
from contextlib import suppress
from types import FrameType

from seqlstm.runtime.signals import LOCKS, TerminatedError

ENDS = {signal.SIGINT: b"interrupted\n", signal.SIGTERM: b"terminated\n"}
"""The signals that end a command, and their messages during an import."""


def main() -> None:
    """Run the command."""
    for number in ENDS:
        if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, end)  # else it is ignored, as SIGINT by nohup
    try:
        from seqlstm.cli.app import main as run

        run()
    except (KeyboardInterrupt, TerminatedError) as signalled:  # while the commands are built
        from seqlstm.cli.failures import show_failure

        raise SystemExit(show_failure(signalled)) from None


def end(number: int, frame: FrameType | None) -> None:
    """Handle Ctrl-C as Python does, and SIGTERM likewise; but end at once during an import.

    Libraries that are interrupted while they are being imported continue with half a module, or
    print a traceback.
    """
    while frame:
        if frame.f_globals.get("__name__") == "importlib._bootstrap":
            with suppress(OSError):
                os.write(2, ENDS[signal.Signals(number)])
            for lock in LOCKS:
                while lock.held:
                    lock.release()
            os._exit(128 + number)
        frame = frame.f_back
    raise KeyboardInterrupt if number == signal.SIGINT else TerminatedError


if __name__ == "__main__":
    main()
