"""The lock of a folder: one training, resumption or sweep owns it until its end."""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType

from seqlstm.errors import RunError
from seqlstm.runtime.signals import LOCKS

if sys.platform != "win32":
    import fcntl

LOCK_FILE = "seqlstm.lock"
PATIENCE = 1.0  # seconds for another owner to write its name
UNLOCKED = (
    "{}: this system cannot lock it, and nothing stops a second training there: start none, two at "
    "once destroy each other"
)


class FolderLock:
    """An exclusive lock on a folder. The end of the process, of any kind, releases it.

    The lock is on a file in the folder, which names the owner, and on the folder itself, so that
    removing the file does not defeat it. (Network file systems may lock files only.) The folder is
    made where it is missing, and removed with the lock if it is still empty.

    Args:
        folder: to lock.

    Attributes:
        warning: a line to print where this system cannot lock; else None.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / LOCK_FILE
        self.warning: str | None = None
        self._holders = 0
        self._locked = False
        self._descriptors: list[int] = []
        self._made: list[Path] = []
        LOCKS.add(self)

    def acquire(self) -> None:
        """Lock the folder, or count one more holder if this object has locked it.

        Raises:
            RunError: another owner has it, or it can be neither made nor written to.
        """
        self._holders += 1
        if self._holders > 1:
            return
        try:
            self._lock()
        except OSError as error:
            self.release()
            reason = error.strerror or error
            raise RunError(f"{self.folder} cannot be locked: {reason}") from error
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Unlock the folder when its last holder releases it."""
        self._holders = max(0, self._holders - 1)
        if self._holders:
            return
        with suppress(OSError):
            if self._locked and self._is_current():
                self.file.unlink()
        self._locked = False
        self._close()
        for folder in self._made:
            with suppress(OSError):  # it is not empty
                folder.rmdir()
        self._made = []

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Acquire the lock, and release it only after an error inside."""
        self.acquire()
        try:
            yield
        except BaseException:
            self.release()
            raise

    @property
    def held(self) -> bool:
        return self._holders > 0

    def check(self) -> None:
        """Check, before something is written, that the folder is still the locked one.

        Raises:
            RunError: it was removed or replaced.
        """
        if not self._descriptors:
            return
        folder, file = self._descriptors
        missing = not self.file.exists()
        if not is_at(folder, self.folder) or not (missing or is_at(file, self.file)):
            raise RunError(
                f"{self.folder} was removed or replaced while it was in use",
                hint="What is there now belongs to somebody else; nothing was written to it.",
            )

    def _lock(self) -> None:
        make_folder(self.folder, made=self._made)
        if sys.platform == "win32":
            self.warning = UNLOCKED.format(self.folder)
            return
        while not self._is_current():  # another owner may have removed the file or the folder
            self._close()
            with suppress(FileNotFoundError):
                make_folder(self.folder, made=self._made)
                self._descriptors.append(os.open(self.folder, os.O_RDONLY))
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
                self._descriptors.append(os.open(self.file, flags, 0o666))
                self._lock_descriptors()
        self._locked = True
        os.ftruncate(self._descriptors[1], 0)
        os.pwrite(self._descriptors[1], owner().encode(), 0)

    def _lock_descriptors(self) -> None:
        folder, file = self._descriptors
        try:
            lock_folder(folder)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                f"{self.folder} is in use by {read_owner(self.file)}",
                hint="Two at once would destroy each other's files. Wait for its end, stop it, or "
                "name another folder (--run DIR).",
            ) from None
        except OSError:  # a file system without locks
            self.warning = UNLOCKED.format(self.folder)

    def _is_current(self) -> bool:
        """Whether the open folder and file are those at their paths."""
        paths = (self.folder, self.file)
        return len(self._descriptors) == len(paths) and all(map(is_at, self._descriptors, paths))

    def _close(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.pop())

    def __enter__(self) -> FolderLock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def __del__(self) -> None:
        self._holders = 0
        self.release()


def make_folder(folder: Path, *, made: list[Path]) -> None:
    """Make a folder, and add those that were missing to `made`, the innermost first.

    Raises:
        RunError: it cannot be made.
    """
    try:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise RunError(f"{folder} is a file, not a folder") from error
    except OSError as error:
        raise RunError(f"{folder} cannot be made: {error.strerror}") from error
    made += (path for path in missing if path not in made)


def lock_folder(descriptor: int) -> None:
    """Lock a folder itself.

    Raises:
        BlockingIOError: another process has locked it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass  # a network file system, where the lock on the file must do


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file or folder is the one at this path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def owner() -> str:
    """The line of a lock file: who this process is."""
    return json.dumps(
        {
            "command": shlex.join(["seqlstm", *sys.argv[1:]]),
            "process": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now().astimezone().isoformat(" ", "seconds"),
        }
    )


def read_owner(file: Path) -> str:
    """The owner that a lock file names, for a message."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:  # the owner may not have written it yet
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            line = json.loads(file.read_bytes())
            place = f"process {line['process']} on {line['host']} since {line['since']}"
            return f"{place}: {line['command']}"
        time.sleep(0.01)
    return "another process"
