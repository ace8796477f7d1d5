"""JSON has neither NaN nor infinity."""

from __future__ import annotations

import json
import math

from seqlstm.runtime.finite_json import finite_json


def test_non_finite_numbers_become_null_at_any_depth() -> None:
    values = {"a": math.nan, "b": [math.inf, 1.5, {"c": -math.inf}], "d": "NaN", "e": 3, "f": None}
    expected = {"a": None, "b": [None, 1.5, {"c": None}], "d": "NaN", "e": 3, "f": None}
    assert finite_json(values) == expected
    assert json.loads(json.dumps(finite_json(values), allow_nan=False)) == expected
