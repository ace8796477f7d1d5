"""Splits by hash: a text is in the same split on every machine, and no text is in two splits."""

from __future__ import annotations

from hashlib import sha256

VALIDATION_PERCENT = 5


def hash_split(text: str, *, test_percent: int = 10) -> str:
    """The split of a text: test, validation (5 per cent of all texts) or train."""
    percentile = int.from_bytes(sha256(text.encode()).digest()[:8], "big") % 100
    first_of_test = 100 - test_percent
    if percentile >= first_of_test:
        return "test"
    return "validation" if percentile >= first_of_test - VALIDATION_PERCENT else "train"
