"""A digest inside of a file: the SHA-256 of the whole file, with zeros where the digest is.

Safetensors have it in their header, checkpoints in the comment at the end of their zip archive. So
a file and its digest are replaced together, and other programs can still read the file.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from hashlib import sha256
from io import SEEK_END, BytesIO
from typing import BinaryIO

LENGTH = 64  # hexadecimal digits
MARK = b"sha256:"
PLACEHOLDER = MARK + b"0" * LENGTH
HEADER_LENGTH = struct.Struct("<Q")  # the first bytes of safetensors
CHUNK = 2**20  # bytes of a file that are in memory at once
COMMENT_LENGTH = struct.Struct("<H")  # the last bytes of a zip archive without a comment


def seal_safetensors(data: bytearray) -> None:
    """Put the digest in place of the placeholder, which the metadata must have."""
    seal(memoryview(data), data.index(PLACEHOLDER) + len(MARK))


def seal_archive(archive: BytesIO) -> memoryview:
    """A zip archive without a comment gets the digest as its comment; returns its bytes."""
    archive.seek(-COMMENT_LENGTH.size, SEEK_END)
    archive.write(COMMENT_LENGTH.pack(len(PLACEHOLDER)) + PLACEHOLDER)
    data = archive.getbuffer()
    seal(data, len(data) - LENGTH)
    return data


def seal(data: memoryview, start: int) -> None:
    """Put the digest of the data, in which there are zeros at `start`, to this place."""
    data[start : start + LENGTH] = sha256(data).hexdigest().encode()


def header_of(data: bytes) -> dict[str, str]:
    """The metadata of safetensors.

    Raises:
        ValueError: they are damaged.
    """
    begin = HEADER_LENGTH.size
    (length,) = HEADER_LENGTH.unpack(data[:begin].ljust(begin, b"\xff"))
    if length > len(data) - begin:
        raise ValueError("its header is cut off")
    header = json.loads(data[begin : begin + length])
    metadata = header.get("__metadata__", {}) if isinstance(header, dict) else None
    if not isinstance(metadata, dict):
        raise ValueError("its header is no table")
    return metadata


def check_safetensors(file: BinaryIO, *, required: bool) -> None:
    """Check the digest of safetensors.

    Raises:
        ValueError: it differs, or there is none although it is required.
    """
    size, begin = file.seek(0, SEEK_END), HEADER_LENGTH.size
    file.seek(0)
    (length,) = HEADER_LENGTH.unpack(file.read(begin).ljust(begin, b"\0"))
    place = file.read(min(length, size)).find(MARK)
    check(file, begin + place if place >= 0 else None, required=required)


def check_archive(file: BinaryIO, *, required: bool) -> None:
    """Check the digest of a zip archive; see `check_safetensors`."""
    place = max(0, file.seek(0, SEEK_END) - len(PLACEHOLDER))
    file.seek(place)
    check(file, place if file.read(len(MARK)) == MARK else None, required=required)


def check(file: BinaryIO, place: int | None, *, required: bool) -> None:
    """Check the digest after the mark at a place; None if there is no mark."""
    if place is None:
        if required:
            raise ValueError("it has no digest")
        return
    digest = sha256()
    file.seek(0)
    for chunk in chunks(file, place + len(MARK)):
        digest.update(chunk)
    found = file.read(LENGTH)
    digest.update(b"0" * LENGTH)
    for chunk in chunks(file, sys.maxsize):
        digest.update(chunk)
    if digest.hexdigest().encode() != found:
        raise ValueError("its digest is not that of its contents")


def chunks(file: BinaryIO, length: int) -> Iterator[bytes]:
    """The next bytes of a file, at most so many, in parts of at most `CHUNK`."""
    while chunk := file.read(min(length, CHUNK)):
        length -= len(chunk)
        yield chunk
