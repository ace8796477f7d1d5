"""Values that JSON can represent."""

from __future__ import annotations

import math
from typing import Any


def finite_json(value: Any) -> Any:
    """A value of dicts, lists and scalars with None for NaN and infinity, which JSON lacks."""
    if isinstance(value, dict):
        return {key: finite_json(part) for key, part in value.items()}
    if isinstance(value, list):
        return [finite_json(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
