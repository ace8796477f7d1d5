"""The user's cache of compiled programs.

A library is opened once, checked and mapped through the same descriptor: its file and its folder
belong to the user, no other user can write them, and a digest at the file's end shows that it is
whole. A truncated library would end the process with SIGBUS when its code runs.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shlex
import stat
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import count
from pathlib import Path

import platformdirs

MAX_CACHED = 500
"""Maximum number of libraries in the cache folder; each has 30 to 60 kB."""
MAX_BYTES = 2**24
"""Size of the largest file that is read."""
DIGEST_BYTES = sha256().digest_size
LOADED = count()
"""Number of libraries that were loaded through a descriptor."""
WARNED: set[str] = set()
"""The kinds of problems that were reported."""


def cache_folder() -> Path | None:
    """The user's folder of compiled programs; None for users without a home.

    A relative XDG_CACHE_HOME is ignored, as the XDG specification asks.
    """
    relative = not os.path.isabs(os.environ.get("XDG_CACHE_HOME", "").strip() or "/")
    try:
        folder = (
            Path("~/.cache/seqlstm").expanduser()
            if relative
            else platformdirs.user_cache_path("seqlstm")
        )
    except RuntimeError:  # there is no home
        return None
    return folder if folder.is_absolute() else None


def load_cached(path: Path, symbols: Iterable[str]) -> ctypes.CDLL:
    """Load a library of the cache.

    Raises:
        OSError: it is missing, damaged, cannot be mapped, or other users can write it.
    """
    with opened_folder(path.parent) as folder:
        # Without O_NONBLOCK, opening a FIFO would wait for a writer.
        descriptor = open_safely(path, os.O_RDONLY | os.O_NONBLOCK, folder)
    with closing_descriptor(descriptor):
        check_whole(descriptor, path)
        # The dynamic linker returns an open library of the same name: each name is another one.
        name = f"/proc/self/{'./' * next(LOADED)}fd/{descriptor}"
        try:
            library = load_library(name, symbols)
        except OSError as error:
            raise OSError(str(error).replace(name, str(path))) from error
        with suppress(OSError):  # on a read-only file system
            os.utime(descriptor)  # least recently used libraries are deleted first
    return library


def load_library(name: str, symbols: Iterable[str]) -> ctypes.CDLL:
    """Load a library that has these functions and variables.

    Raises:
        OSError: it cannot be mapped, or lacks one of them.
    """
    library = ctypes.CDLL(name)
    for symbol in symbols:
        try:
            ctypes.c_char.in_dll(library, symbol)
        except ValueError as error:
            raise OSError(f"{name} has no {symbol}") from error
    return library


def store(contents: bytes, path: Path) -> None:
    """Write a library into the cache, atomically.

    Beyond `MAX_CACHED` libraries the least recently used are deleted.

    Raises:
        OSError: the folder cannot be written, or other users can write it.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = f"{secrets.token_hex(8)}.so"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with opened_folder(path.parent) as folder:
        try:
            with open(os.open(temporary, flags, 0o600, dir_fd=folder), "wb") as file:
                file.write(contents + sha256(contents).digest())
            os.replace(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise
    by_use = sorted(path.parent.glob("*.so"), key=last_use)
    for old in by_use[:-MAX_CACHED]:
        old.unlink(missing_ok=True)


def last_use(path: Path) -> float:
    """When a file was last used; 0 if another process has deleted it."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


@contextmanager
def opened_folder(folder: Path) -> Iterator[int]:
    """A descriptor of a folder that no other user can write.

    Raises:
        OSError: there is none.
    """
    with closing_descriptor(open_safely(folder, os.O_RDONLY | os.O_DIRECTORY)) as descriptor:
        yield descriptor


@contextmanager
def closing_descriptor(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_safely(path: Path, flags: int, folder: int | None = None) -> int:
    """A descriptor of a file or a folder that no other user can write.

    Args:
        path: the last part is no symbolic link.
        flags: of `os.open`.
        folder: descriptor of the folder that holds it, if that is open.

    Raises:
        OSError: it is missing, a symbolic link, of another user, or others can write it.
    """
    if folder is None and path.is_symlink():
        raise PermissionError(f"{path} is a symbolic link")
    name = path if folder is None else path.name
    descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid():
            raise PermissionError(f"{path} belongs to another user")
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            remedy = f"chmod go-w {shlex.quote(str(path))}"
            raise PermissionError(f"{path} can be written by other users; to mend it: {remedy}")
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def check_whole(descriptor: int, path: Path) -> None:
    """Compare a library with the digest at its end.

    Raises:
        OSError: it is no regular file, or it is damaged.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"{path} is no regular file")
    contents = b""
    if status.st_size <= MAX_BYTES:
        with open(descriptor, "rb", closefd=False) as file:
            contents = file.read(MAX_BYTES)
    if sha256(contents[:-DIGEST_BYTES]).digest() != contents[-DIGEST_BYTES:]:
        raise OSError(f"{path} is damaged")


def warn_once(problem: str, message: str) -> None:
    """Warn of a problem with compiled programs, once in a process for each kind of problem."""
    if problem not in WARNED:
        WARNED.add(problem)
        warnings.warn(message, stacklevel=2)
