"""Atomic file writes, weights and checkpoints."""

from __future__ import annotations

import errno
import io
import os
import re
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple, TypeVar

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

Weights = dict[str, Tensor]
Contents = TypeVar("Contents")
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


def write_atomically(path: Path, contents: bytes | bytearray | memoryview) -> None:
    """Replace a file atomically: a reader sees either the old or the new contents.

    No two writers share a temporary file. A symbolic link stays one; a device or a pipe is written
    to as it is.

    Raises:
        FileError: the disk is full, or the folder cannot be written to. The old file is intact.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(contents)
            return
        replace_file(path.resolve() if path.is_symlink() else path, contents)
    except OSError as error:
        raise FileError(
            f"{path} could not be written: {error.strerror or error}",
            hint=HINTS.get(error.errno or 0),
        ) from error


def replace_file(path: Path, contents: bytes | bytearray | memoryview) -> None:
    partial = path.with_name(f"{path.name[:MAX_NAME]}.{os.getpid()}-{token_hex(8)}.tmp")
    try:
        with partial.open("xb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with suppress(OSError):  # the first error counts
            partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


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
    metadata = {"seqlstm": f"{description}, {PLACEHOLDER.decode()}"}
    data = bytearray(safetensors.torch.save(weights, metadata))
    seal_safetensors(data)
    write_atomically(path, data)


def load_weights(path: Path, *, sealed: bool = True) -> WeightsFile:
    """Read a file of `save_weights`.

    Args:
        path: of the file.
        sealed: whether a file without a digest is an error; a wrong digest always is.

    Raises:
        RunError: the file is missing, damaged or no safetensors.
    """

    def load(data: bytes) -> WeightsFile:
        check_safetensors(data, required=sealed)
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
        RunError: the file is missing, damaged or foreign.
    """

    def load(data: bytes) -> dict[str, Any]:
        check_archive(data, required=sealed)
        contents = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        if not isinstance(contents, dict):
            raise ValueError("it holds no table")
        return contents

    return read(path, load)


def read(path: Path, load: Callable[[bytes], Contents]) -> Contents:
    """The result of `load` of a file's bytes; a `RunError` for a missing or damaged file."""
    if not path.is_file():
        raise RunError(f"{path} is missing")
    try:
        return load(path.read_bytes())
    except Exception as error:  # each library has its own exceptions for damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError(
            f"{path} is damaged, or was not written by seqlstm: {reason}",
            hint="Restore it from a copy, or train again into a new folder.",
        ) from error
