"""The lock of a folder: one training, resumption or sweep owns it until its end."""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys
import time
import weakref
from collections.abc import Iterator, Sequence
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

    The lock is on the folder itself, and on a file in it, which names the owner. Network file
    systems may lock files only: there the lock is lost with the file, which `check` finds. The
    folder is made where it is missing, and removed with the lock if it is still empty.

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
        self._folder_locked = False
        self._descriptors: list[int] = []  # of the folder and the file, once they are locked
        self._made: list[Path] = []
        LOCKS.add(self)
        weakref.finalize(self, unlock, folder, self._descriptors, self._made)

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
        if not self._holders:
            unlock(self.folder, self._descriptors, self._made)

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
        # Where the folder is locked, it is this lock's, whatever becomes of the file.
        kept = self._folder_locked or not self.file.exists() or is_at(file, self.file)
        if not (kept and is_at(folder, self.folder)):
            raise RunError(
                f"{self.folder} was removed or replaced while it was in use",
                hint="What is there now belongs to somebody else; nothing was written to it.",
            )

    def _lock(self) -> None:
        make_folder(self.folder, made=self._made)
        if sys.platform == "win32":
            self.warning = UNLOCKED.format(self.folder)
            return
        until = time.monotonic() + PATIENCE
        while not are_current(self._descriptors, self.folder):  # another owner may have removed it
            close(self._descriptors)
            try:
                with suppress(FileNotFoundError):
                    make_folder(self.folder, made=self._made)
                    self._lock_folder_and_file()
            except BlockingIOError:
                close(self._descriptors)
                owner = read_owner(self.file)
                if owner or time.monotonic() > until:  # it may not have written its name yet
                    raise RunError(
                        f"{self.folder} is in use by {owner or 'another process'}",
                        hint="Two at once would destroy each other's files. Wait for its end, stop "
                        "it, or name another folder (--run DIR).",
                    ) from None
                time.sleep(0.01)
        os.ftruncate(self._descriptors[1], 0)
        os.pwrite(self._descriptors[1], describe_process().encode(), 0)

    def _lock_folder_and_file(self) -> None:
        """Lock the folder before its file is made: one that is refused leaves nothing in it."""
        self._descriptors.append(folder := os.open(self.folder, os.O_RDONLY))
        self._folder_locked = is_locked = lock_descriptor(folder)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        file = os.open(LOCK_FILE, flags, 0o666, dir_fd=folder)
        try:
            is_locked |= lock_descriptor(file)
        except BaseException:
            os.close(file)
            raise
        self._descriptors.append(file)
        if not is_locked:
            self.warning = UNLOCKED.format(self.folder)

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


def unlock(folder: Path, descriptors: list[int], made: list[Path]) -> None:
    """Remove the file of a locked folder, close both, and remove the made folders still empty.

    Args:
        folder: its path.
        descriptors: of the folder and its file, empty at the end.
        made: the folders, the innermost first; empty at the end.
    """
    with suppress(OSError):
        if are_current(descriptors, folder):
            (folder / LOCK_FILE).unlink()
    close(descriptors)
    while made:
        with suppress(OSError):  # it is not empty
            made.pop(0).rmdir()


def are_current(descriptors: Sequence[int], folder: Path) -> bool:
    """Whether an open folder and its open lock file are those at their paths."""
    paths = (folder, folder / LOCK_FILE)
    return len(descriptors) == len(paths) and all(map(is_at, descriptors, paths))


def close(descriptors: list[int]) -> None:
    """Close all of them, the last first; the list is empty then."""
    while descriptors:
        os.close(descriptors.pop())


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


def lock_descriptor(descriptor: int) -> bool:
    """Lock an open file or folder; returns whether its file system can.

    Raises:
        BlockingIOError: another owner has locked it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file or folder is the one at this path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def describe_process() -> str:
    """The line of a lock file: who this process is."""
    return json.dumps(
        {
            "command": shlex.join(["seqlstm", *sys.argv[1:]]),
            "process": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now().astimezone().isoformat(" ", "seconds"),
        }
    )


def read_owner(file: Path) -> str | None:
    """The owner that a lock file names, for a message; None if it names none."""
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        if file.is_file():
            line = json.loads(file.read_bytes())
            place = f"process {line['process']} on {line['host']} since {line['since']}"
            return f"{place}: {line['command']}"
    return None
