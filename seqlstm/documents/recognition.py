"""Recognition of documents in lines that are to be translated as plain text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

LINES = 50  # at the start of the input, in which a format shows
CUE = re.compile(r"(?:\d+:)?\d\d:\d\d[,.]\d{3} --> (?:\d+:)?\d\d:\d\d[,.]\d{3}(?:\s.*)?")
MESSAGE = re.compile(r'msgid\s*".*"')
TRANSLATION = re.compile(r'msgstr(\[0\])?\s*".*"')
ROOT = re.compile(r"<(?:\?xml\s|!doctype\s|html[\s>]|xliff[\s>]|tmx[\s>])", re.IGNORECASE)
TAG_LINE = re.compile(r"<[A-Za-z][^<>]*>")


def document_format(lines: Sequence[str]) -> tuple[str, str | None] | None:
    """What lines look like, as a name and the `--format` for it, if there is one; None for text.

    Args:
        lines: the first ones of the input.
    """
    filled = [line.strip() for line in lines[:LINES] if line.strip()]
    if not filled:
        return None
    first, others = filled[0], filled[1:]
    start = " ".join(filled[:5]).lower()
    if ROOT.match(first) or (
        TAG_LINE.fullmatch(first) and any(line.startswith("<") for line in others)
    ):
        return xml_format(start)
    if any(map(MESSAGE.fullmatch, filled)) and any(map(TRANSLATION.fullmatch, filled)):
        return "PO", "po"
    if first.startswith("WEBVTT") and any(map(CUE.fullmatch, others)):
        return "WebVTT", None
    if any(map(CUE.fullmatch, filled)):
        return "SRT", "srt"
    return ("JSON", None) if is_json(first, others) else None


def xml_format(start: str) -> tuple[str, str | None]:
    """Which XML it is, from the first lines."""
    for tag, name, option in (("<tmx", "TMX", "tmx"), ("<xliff", "XLIFF", "xliff")):
        if tag in start:
            return name, option
    return ("HTML", None) if "<html" in start or "<!doctype html" in start else ("XML", None)


def is_json(first: str, others: Sequence[str]) -> bool:
    if first in ("{", "[", "[{"):
        return bool(others) and others[0].startswith(('"', "{"))
    try:
        return first.startswith('{"') and isinstance(json.loads(first), dict)
    except ValueError:
        return False
