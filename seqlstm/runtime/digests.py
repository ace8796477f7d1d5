"""A digest inside of a file: the SHA-256 of the whole file, with zeros where the digest is.

Safetensors have it in their header, checkpoints in the comment at the end of their zip archive. So
a file and its digest are replaced together, and other programs can still read the file.
"""

from __future__ import annotations

import json
import struct
from hashlib import sha256
from io import SEEK_END, BytesIO

LENGTH = 64  # hexadecimal digits
MARK = b"sha256:"
PLACEHOLDER = MARK + b"0" * LENGTH
HEADER_LENGTH = struct.Struct("<Q")  # the first bytes of safetensors
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


def check_safetensors(data: bytes, *, required: bool) -> None:
    """Check the digest of safetensors.

    Raises:
        ValueError: it differs, or there is none although it is required.
    """
    begin = HEADER_LENGTH.size
    (length,) = HEADER_LENGTH.unpack(data[:begin].ljust(begin, b"\0"))
    check(data, data.find(MARK, begin, begin + length), required=required)


def check_archive(data: bytes, *, required: bool) -> None:
    """Check the digest of a zip archive; see `check_safetensors`."""
    start = len(data) - len(PLACEHOLDER)
    check(data, start if data[start : start + len(MARK)] == MARK else -1, required=required)


def check(data: bytes, mark: int, *, required: bool) -> None:
    if mark < 0:
        if required:
            raise ValueError("it has no digest")
        return
    start = mark + len(MARK)
    digest = sha256(memoryview(data)[:start])
    digest.update(b"0" * LENGTH)
    digest.update(memoryview(data)[start + LENGTH :])
    if digest.hexdigest().encode() != data[start : start + LENGTH]:
        raise ValueError("its digest is not that of its contents")
