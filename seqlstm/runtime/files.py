"""Atomic file writes, weights and checkpoints."""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO, NamedTuple, TypeVar

import safetensors.torch
import torch
from torch import Tensor

from seqlstm.errors import FileError, RunError
from seqlstm.runtime.digests import (
    PLACEHOLDER,
    check_archive,
    check_safetensors,
    header_of,
    seal_archive,
    seal_safetensors,
)
from seqlstm.runtime.out_of_memory import is_out_of_memory

Weights = dict[str, Tensor]
Contents = TypeVar("Contents")
Data = bytes | bytearray | memoryview
HINTS = {
    errno.ENOSPC: "Make room.",
    errno.EDQUOT: "Your quota is used up: make room.",
    errno.EFBIG: "The file system or a limit (ulimit -f) allows no file as large.",
    errno.EACCES: "You may not write there: change the permissions, or name another place.",
    errno.EPERM: "You may not write there: change the permissions, or name another place.",
    errno.EROFS: "The file system is read-only: name another place.",
    errno.ENAMETOOLONG: "Give it a shorter name.",
    errno.ENOENT: "Make the folder first, or name another one.",
    errno.ENOTDIR: "A part of the path is a file, not a folder.",
    errno.EISDIR: "That is a folder: name a file.",
}
"""What to do about an error of the file system."""
MAX_NAME = 40  # characters of a file's name in that of its temporary file: names have a limit
TEMPORARY = re.compile(r"(?P<name>.+?)(\.\d+-[0-9a-f]{16})?\.tmp")  # or, of older versions, .tmp


class WeightsFile(NamedTuple):
    """The contents of a file of `save_weights`."""

    weights: Weights
    metadata: dict[str, str]


def write_atomically(path: Path, contents: Data) -> None:
    """Replace a file atomically: a reader sees either the old or the new contents.

    No two writers share a temporary file. A symbolic link stays one, and so do the permissions; a
    device or a pipe is written to as it is.

    Raises:
        FileError: the disk is full, or the folder cannot be written to. The old file is intact.
    """
    with write_errors(path):
        if path.exists() and not path.is_file():
            path.write_bytes(contents)
            return
        target = path.resolve() if path.is_symlink() else path
        replace_files(target.parent, {target.name: contents})


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """While inside, this file is written: an error of the system becomes a `FileError`."""
    try:
        yield
    except OSError as error:
        raise FileError(
            f"{path} could not be written: {error.strerror or error}",
            hint=HINTS.get(error.errno or 0),
        ) from error


def replace_files(folder: Path, contents: Mapping[str, Data], *, old: Collection[str] = ()) -> None:
    """Replace files of a folder when all of the new ones are on the disk, one after the other.

    Args:
        folder: that they are in.
        contents: of the new files by name, in the order of their appearance.
        old: names of files that are deleted before.
    """
    partials: dict[str, Path] = {}
    try:
        for name, data in contents.items():
            temporary = f"{name[:MAX_NAME]}.{os.getpid()}-{token_hex(8)}.tmp"
            partials[name] = folder / temporary
            write_new(partials[name], data, like=folder / name)
        for name in old:
            (folder / name).unlink(missing_ok=True)
        for name, partial in partials.items():
            partial.replace(folder / name)
    except BaseException:
        for partial in partials.values():
            with suppress(OSError):  # the first error counts
                partial.unlink(missing_ok=True)
        raise
    sync_folder(folder)


def write_new(path: Path, contents: Data, *, like: Path) -> None:
    """Write a new file to the disk, with the permissions of another one, if there is one."""
    with path.open("xb") as file:
        with suppress(OSError):  # there is none, or the file system has no permissions
            shutil.copymode(like, path)
        file.write(contents)
        file.flush()
        os.fsync(file.fileno())


def is_temporary(name: str, of: Collection[str]) -> bool:
    """Whether a file is a temporary one of `write_atomically` for one of these files."""
    match = TEMPORARY.fullmatch(name)
    return bool(match) and match["name"] in of  # type: ignore[index]  # not None here


def remove_temporary_files(folder: Path, of: Collection[str]) -> None:
    """Remove what killed writers of these files have left; there must be no other writer."""
    for path in list(folder.iterdir()):
        if is_temporary(path.name, of):
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush a rename to the disk; POSIX only, since other systems cannot synchronise folders."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def save_weights(path: Path, weights: Weights, description: str) -> None:
    """Write weights as safetensors, with a description and a digest in their metadata.

    Raises:
        FileError: see `write_atomically`.
    """
    # One entry: safetensors writes several entries in random order.
    save_sealed(path, weights, {"seqlstm": f"{description}, {PLACEHOLDER.decode()}"})


def save_sealed(path: Path, tensors: Weights, metadata: dict[str, str]) -> None:
    """Write safetensors, and their digest in place of the `PLACEHOLDER` in their metadata.

    Raises:
        FileError: see `write_atomically`.
    """
    data = bytearray(safetensors.torch.save(tensors, metadata))
    seal_safetensors(data)
    write_atomically(path, data)


def load_weights(path: Path, *, sealed: bool = True) -> WeightsFile:
    """Read a file of `save_weights`.

    Args:
        path: of the file.
        sealed: whether a file without a digest is an error; a wrong digest always is.

    Raises:
        RunError: the file is missing, damaged or no safetensors, or cannot be read.
    """

    def load(file: BinaryIO) -> WeightsFile:
        check_safetensors(file, required=sealed)
        file.seek(0)
        data = file.read()
        return WeightsFile(safetensors.torch.load(data), header_of(data))

    return read(path, load)


def save_checkpoint(path: Path, contents: dict[str, Any]) -> None:
    """Write nested tensors and plain values in torch's format, with a digest.

    Raises:
        FileError: see `write_atomically`.
    """
    buffer = io.BytesIO()
    torch.save(contents, buffer)
    write_atomically(path, seal_archive(buffer))


def load_checkpoint(path: Path, *, sealed: bool = True) -> dict[str, Any]:
    """Read a file of `save_checkpoint`: tensors and plain values; code in it is never run.

    Args:
        path: of the file.
        sealed: as for `load_weights`.

    Raises:
        RunError: the file is missing, damaged or foreign, or cannot be read.
    """

    def load(file: BinaryIO) -> dict[str, Any]:
        check_archive(file, required=sealed)
        file.seek(0)
        contents = torch.load(file, map_location="cpu", weights_only=True)
        if not isinstance(contents, dict):
            raise ValueError("it holds no table")
        return contents

    return read(path, load)


def read(path: Path, load: Callable[[BinaryIO], Contents]) -> Contents:
    """The result of `load` of an open file; a `RunError` for a missing or damaged file."""
    if not path.is_file():
        raise RunError(f"{path} is {'no regular file' if path.exists() else 'missing'}")
    try:
        with path.open("rb") as file:
            return load(file)
    except Exception as error:  # each library has its own exceptions for damaged files
        if is_out_of_memory(error):
            raise
        # A damaged file may lead to places outside of it: EINVAL.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise RunError(f"{path} cannot be read: {error.strerror}") from error
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError(
            f"{path} is damaged, or was not written by seqlstm: {reason}",
            hint="Restore it from a copy, or train again into a new folder.",
        ) from error
