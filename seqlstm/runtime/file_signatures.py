"""Kinds of binary files, recognised by their first bytes."""

from __future__ import annotations

SIGNATURES = (
    (b"PK\x03\x04", "a ZIP archive, as .docx, .odt and .xlsx files are"),
    (b"%PDF-", "a PDF document"),
    (b"{\\rtf", "an RTF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a document of an old Microsoft Office"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh91AY&SY", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)
NUL_SHARE = 0.25  # of the bytes at the start; UTF-16 of Latin letters has twice as many
START = 1024  # bytes


def binary_kind(data: bytes) -> str | None:
    """What a file is if it is no text; None for text.

    Args:
        data: its first bytes.
    """
    for signature, kind in SIGNATURES:
        if data.startswith(signature):
            return kind
    start = data[:START]
    if len(start) > 3 and start.count(0) >= NUL_SHARE * len(start):
        return "binary, or UTF-16 without its byte-order mark"
    return None
