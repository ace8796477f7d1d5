"""Language codes match in any spelling, the nearest first."""

from __future__ import annotations

import pytest

from seqlstm.text.languages import matching


@pytest.mark.parametrize(
    ("language", "available", "expected"),
    [
        ("en", ["en-US", "EN", "de"], ["EN"]),
        ("en_us", ["en", "en-US"], ["en-US"]),
        ("en", ["de", "en_US", "EN-gb", "eng"], ["en_US", "EN-gb"]),
        ("zh-Hant", ["zh", "zh-Hant-TW"], ["zh-Hant-TW"]),
        ("en-US", ["en-GB", "en"], ["en"]),
        ("en-US", ["en-GB", "e", ""], []),
        ("", ["en", ""], []),
    ],
)
def test_the_nearest_codes(language: str, available: list[str], expected: list[str]) -> None:
    assert matching(language, available) == expected
