"""The command line in forked processes, which start in milliseconds.

The parent process has imported everything. POSIX only.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from seqlstm.__main__ import main
from tests.runs import answer

CRASHED = 70  # exit code after an exception that no command may raise
TIMEOUT = 120  # seconds until a process counts as hanging


@dataclass(frozen=True)
class Ended:
    """A process that has ended.

    Attributes:
        code: exit code; negative: the signal that ended it.
        out: standard output.
        err: standard error.
    """

    code: int
    out: bytes
    err: bytes

    @property
    def clean(self) -> bool:
        """Whether it succeeded, or failed with one message."""
        return self.code in (0, 1, 2, 130, 143) and b"Traceback" not in self.err


@dataclass(frozen=True)
class Running:
    """A process that runs.

    Attributes:
        pid: of the process.
        out: the file of its standard output.
        err: the file of its standard error.
    """

    pid: int
    out: Path
    err: Path

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal; the process may have ended already, if it was not waited for."""
        os.kill(self.pid, number)

    def poll(self) -> Ended | None:
        """The ended process; None while it runs."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return self._ended(status) if pid else None

    def wait(self) -> Ended:
        """The process after its end."""
        deadline = time.monotonic() + TIMEOUT
        while (ended := self.poll()) is None:
            if time.monotonic() > deadline:
                self.kill()
                os.waitpid(self.pid, 0)
                raise AssertionError(f"hangs: {self.err.read_text()}")
            time.sleep(0.002)
        return ended

    def _ended(self, status: int) -> Ended:
        return Ended(
            os.waitstatus_to_exitcode(status), self.out.read_bytes(), self.err.read_bytes()
        )


class Commands:
    """Starts commands; the files of their streams are in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        torch.set_num_threads(1)  # a forked process has no threads of its parent
        answer("recipes")  # imports what commands import when they run

    def start(
        self,
        *arguments: object,
        text: bytes | Path = b"",
        first: Callable[[], object] = lambda: None,
    ) -> Running:
        """Start a command.

        Args:
            arguments: of `seqlstm`.
            text: standard input, or a file with it.
            first: called in the new process, before the command.
        """
        self.count += 1
        name = self.folder / f"{os.getpid()}-{self.count}"
        out, err, file = (name.with_suffix(suffix) for suffix in (".out", ".err", ".in"))
        if isinstance(text, bytes):
            file.write_bytes(text)
        else:
            file = text
        out.touch()
        err.touch()
        pid = os.fork()
        if not pid:
            run_forked([str(argument) for argument in arguments], file, out, err, first)
        return Running(pid, out, err)

    def run(
        self,
        *arguments: object,
        text: bytes | Path = b"",
        first: Callable[[], object] = lambda: None,
    ) -> Ended:
        """Run a command to its end; arguments as for `start`."""
        return self.start(*arguments, text=text, first=first).wait()


def run_forked(
    arguments: Sequence[str], file: Path, out: Path, err: Path, first: Callable[[], object]
) -> None:
    """Run a command in this process, which is a new one, and end the process."""
    code = CRASHED
    try:
        for descriptor, (path, flags) in enumerate(
            ((file, os.O_RDONLY), (out, os.O_WRONLY), (err, os.O_WRONLY))
        ):
            os.dup2(os.open(path, flags), descriptor)
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        sys.argv = ["seqlstm", *arguments]
        first()
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
