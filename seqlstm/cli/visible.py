"""Control characters shown as text, so that no text can command a terminal."""

from __future__ import annotations

import re

# C0 without tab and newline; DEL and C1; embeddings, overrides and isolates of the bidirectional
# algorithm, which would reorder other text; lone surrogates, which stand for undecodable bytes.
CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]",
)


def visible(text: str) -> str:
    """`text` with an escape such as `\\x1b` in place of each control character."""
    return CONTROLS.sub(lambda match: escape(ord(match[0])), text)


def escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
