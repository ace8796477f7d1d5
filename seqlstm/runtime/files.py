"""Atomic file writes, weights and checkpoints."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from seqlstm.errors import FileError, RunError

Weights = dict[str, Tensor]


def write_atomically(path: Path, contents: bytes | memoryview) -> None:
    """Replace a file atomically: a reader sees either the old or the new contents.

    Raises:
        FileError: the disk is full, or the folder cannot be written to. The old file is intact.
    """
    partial = path.with_name(f"{path.name}.tmp")
    try:
        with partial.open("wb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise FileError(
            f"{path} could not be written: {error.strerror or error}",
            hint="The old file, if there was one, is intact. Make room, then go on with --resume.",
        ) from error


def sync_folder(folder: Path) -> None:
    """Flush a rename to the disk; POSIX only, since other systems cannot synchronise folders."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def save_weights(path: Path, weights: Weights, metadata: dict[str, str]) -> None:
    """Write weights as safetensors.

    Raises:
        FileError: see `write_atomically`.
    """
    write_atomically(path, safetensors.torch.save(weights, metadata))


def load_weights(path: Path) -> Weights:
    """Read a file of `save_weights`.

    Raises:
        RunError: the file is missing, truncated or no safetensors.
    """
    return read(path, safetensors.torch.load_file)


def save_checkpoint(path: Path, contents: dict[str, Any]) -> None:
    """Write nested tensors and plain values in torch's format.

    Raises:
        FileError: see `write_atomically`.
    """
    buffer = io.BytesIO()
    torch.save(contents, buffer)
    write_atomically(path, buffer.getbuffer())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a file of `save_checkpoint`: tensors and plain values; code in it is never run.

    Raises:
        RunError: the file is missing, truncated or foreign.
    """
    return read(path, lambda path: torch.load(path, map_location="cpu", weights_only=True))


def read(path: Path, load: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """The result of `load(path)`, with a `RunError` for a missing or damaged file."""
    if not path.is_file():
        raise RunError(f"{path} is missing")
    try:
        return load(path)
    except Exception as error:  # each library has its own exceptions for damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError(
            f"{path} is damaged, or was not written by seqlstm: {reason}",
            hint="Restore it from a copy, or train again into a new folder.",
        ) from error
