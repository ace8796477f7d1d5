"""The built-in source "dates": dates, times, amounts and durations in two locales.

A small translation task in which every translation can be checked: Babel formats the texts by the
rules of the Unicode CLDR, and every source text has exactly one translation.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.localedata import locale_identifiers

from seqlstm.data.builtin.date_formats import DateFormat, DateTimeFormat, Format, TimeFormat
from seqlstm.data.builtin.hash_split import hash_split
from seqlstm.data.builtin.number_formats import (
    CurrencyFormat,
    HoursAndMinutesFormat,
    NumberFormat,
    PercentFormat,
    RelativeTimeFormat,
    UnitFormat,
)
from seqlstm.errors import DataError, nearest

Pair = tuple[str, str]

SIZES = {"train": 20_000, "validation": 500, "test": 1_000}
DEFAULT_PAIR: Pair = ("en", "de")

FORMATS: tuple[Format, ...] = (
    DateFormat("full"),
    DateFormat("long"),
    DateFormat("medium"),
    DateFormat("yMMMEd"),
    DateFormat("MMMMd", precision="day of any year"),
    DateFormat("yMMMM", precision="month"),
    DateFormat("yQQQQ", precision="quarter"),
    TimeFormat("short"),
    TimeFormat("Hm"),
    DateTimeFormat("medium", DateFormat("medium"), TimeFormat("short")),
    DateTimeFormat("long", DateFormat("long"), TimeFormat("short")),
    NumberFormat(decimals=0),
    NumberFormat(decimals=2),
    PercentFormat(decimals=0),
    PercentFormat(decimals=1),
    *(CurrencyFormat(currency, "standard") for currency in ("EUR", "USD", "GBP", "CHF")),
    *(CurrencyFormat(currency, "name") for currency in ("EUR", "USD")),
    *(UnitFormat(f"duration-{unit}") for unit in ("second", "hour", "week", "year")),
    *(UnitFormat(unit) for unit in ("length-kilometer", "mass-kilogram", "volume-liter")),
    *(
        RelativeTimeFormat(unit, sign)
        for unit in ("day", "week", "month", "year")
        for sign in (1, -1)
    ),
    HoursAndMinutesFormat(),
)
WEIGHTS = {
    "date": 8,
    "datetime": 3,
    "time": 2,
    "number": 3,
    "percent": 1,
    "currency": 5,
    "measure": 1,
    "duration": 2,
}


def rows(split: str, *, pair: Sequence[str] = DEFAULT_PAIR) -> list[Pair]:
    """The rows of a split, always the same: distinct sources with their only translations.

    No source is in two splits.

    Args:
        split: train, validation or test.
        pair: the locales to translate from and to, such as `("en", "de")`.

    Raises:
        DataError: a locale is unknown.
    """
    source, target = (_locale(name) for name in pair)
    return _sample_rows(split, source, target)


def translations(text: str, *, pair: Sequence[str] = DEFAULT_PAIR) -> set[str]:
    """Every translation of `text` in this task; the source of a row has exactly one."""
    source, target = (_locale(name) for name in pair)
    return _translations(text, source, target)


def _sample_rows(split: str, source: Locale, target: Locale) -> list[Pair]:
    random = Random(f"dates {split}")
    formats = _formats(source, target)
    kinds = [kind for kind in WEIGHTS if any(format.kind == kind for format in formats)]
    weights = [WEIGHTS[kind] for kind in kinds]
    pairs: dict[str, str] = {}
    while len(pairs) < SIZES[split]:
        kind = random.choices(kinds, weights)[0]
        format = random.choice([format for format in formats if format.kind == kind])
        text = format.write(format.sample(random), source)
        if text in pairs or hash_split(text) != split:
            continue
        translations = _translations(text, source, target)
        if len(translations) == 1:
            pairs[text] = translations.pop()
    return list(pairs.items())


def _translations(text: str, source: Locale, target: Locale) -> set[str]:
    return {
        format.write(value, target)
        for format in _formats(source, target)
        for value in format.read(text, source)
    }


@cache
def _formats(source: Locale, target: Locale) -> tuple[Format, ...]:
    """The formats of both locales, except those whose source texts an earlier format also writes.

    For example, the medium style and the skeleton yMMMd are the same in English, but not in German:
    with both formats, every such date would have two translations.
    """
    formats: list[Format] = []
    for format in FORMATS:
        values = _sample_values(format)
        if _has_format(source, format, values) and _has_format(target, format, values):
            texts = [format.write(value, source) for value in values]
            if not all(any(earlier.read(text, source) for earlier in formats) for text in texts):
                formats.append(format)
    return tuple(formats)


def _sample_values(format: Format) -> list[Any]:
    random = Random(0)
    return [format.sample(random) for _ in range(20)]


def _has_format(locale: Locale, format: Format, values: list[Any]) -> bool:
    try:
        for value in values:
            format.write(value, locale)
    except KeyError:
        return False
    return True


@cache
def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        close = nearest(name.replace("-", "_"), locale_identifiers())
        raise DataError(f'"dates": there is no locale "{name}".', hint=close) from None
