"""The command `seqlstm`, also as `python -m seqlstm`."""

import os
import signal


def main() -> None:
    """Run the command. Ctrl-C while it is still being imported ends it without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not ignored, as by nohup
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
        from seqlstm.cli.app import main as run

        signal.signal(signal.SIGINT, signal.default_int_handler)
    else:
        from seqlstm.cli.app import main as run
    run()


if __name__ == "__main__":
    main()
