"""The command `seqlstm`, also as `python -m seqlstm`."""

import os
import signal
from contextlib import suppress
from types import FrameType


def main() -> None:
    """Run the command."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not ignored, as by nohup
        signal.signal(signal.SIGINT, interrupt)
    from seqlstm.cli.app import main as run

    run()


def interrupt(number: int, frame: FrameType | None) -> None:
    """Handle Ctrl-C as Python does, but end at once during an import.

    Libraries that are interrupted while they are being imported continue with half a module, or
    print a traceback.
    """
    while frame:
        if frame.f_globals.get("__name__") == "importlib._bootstrap":
            with suppress(OSError):
                os.write(2, b"interrupted\n")
            os._exit(130)
        frame = frame.f_back
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
