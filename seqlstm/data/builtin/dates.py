"""The built-in source "dates": dates, times, amounts and durations, as two locales write them.

An unlimited little translation task whose every answer can be checked: the texts are those of the
Unicode CLDR, by way of Babel, and every source text has exactly one translation.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from random import Random
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.localedata import locale_identifiers

from seqlstm.data.builtin.date_formats import DateFormat, DateTimeFormat, Format, TimeFormat
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

FORMS: tuple[Format, ...] = (
    DateFormat("full"),
    DateFormat("long"),
    DateFormat("medium"),
    DateFormat("yMMMEd"),
    DateFormat("MMMMd", states="day of any year"),
    DateFormat("yMMMM", states="month"),
    DateFormat("yQQQQ", states="quarter"),
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
    "moment": 3,
    "time": 2,
    "number": 3,
    "percent": 1,
    "currency": 5,
    "measure": 1,
    "duration": 2,
}


def rows(split: str, *, pair: Sequence[str] = DEFAULT_PAIR) -> list[Pair]:
    """The rows of a split: distinct sources with their only translation, always the same ones.

    No source of one split stands in another.

    Args:
        split: train, validation or test.
        pair: the locales to translate from and to, such as `("en", "de")`.

    Raises:
        DataError: a locale is unknown.
    """
    source, target = (_locale(name) for name in pair)
    return _draw(split, source, target)


def translations(text: str, *, pair: Sequence[str] = DEFAULT_PAIR) -> set[str]:
    """Every translation that `text` has in this task: one for each row's source."""
    source, target = (_locale(name) for name in pair)
    return _translations(text, source, target)


def kind_of(text: str, *, pair: Sequence[str] = DEFAULT_PAIR) -> str | None:
    """What a source text states: date, moment, time, number, percent, currency, measure, duration.

    None for a text that is not of this task.
    """
    source, target = (_locale(name) for name in pair)
    kinds = (form.kind for form in _forms(source, target) if form.read(text, source))
    return next(kinds, None)


def _draw(split: str, source: Locale, target: Locale) -> list[Pair]:
    random = Random(f"dates {split}")
    forms = _forms(source, target)
    kinds = [kind for kind in WEIGHTS if any(form.kind == kind for form in forms)]
    weights = [WEIGHTS[kind] for kind in kinds]
    drawn: dict[str, str] = {}
    while len(drawn) < SIZES[split]:
        kind = random.choices(kinds, weights)[0]
        form = random.choice([form for form in forms if form.kind == kind])
        text = form.write(form.draw(random), source)
        if text in drawn or _split_of(text) != split:
            continue
        answers = _translations(text, source, target)
        if len(answers) == 1:
            drawn[text] = answers.pop()
    return list(drawn.items())


def _translations(text: str, source: Locale, target: Locale) -> set[str]:
    return {
        form.write(value, target)
        for form in _forms(source, target)
        for value in form.read(text, source)
    }


def _split_of(text: str) -> str:
    """The one split in which a source text may stand, whatever the other locale."""
    percentile = int.from_bytes(sha256(text.encode()).digest()[:8], "big") % 100
    return "train" if percentile < 85 else "validation" if percentile < 90 else "test"


@cache
def _forms(source: Locale, target: Locale) -> tuple[Format, ...]:
    """The forms that both locales have, without those that only repeat an earlier one's sources.

    English writes medium dates and the skeleton yMMMd alike, for one: two German answers to all.
    """
    forms: list[Format] = []
    for form in FORMS:
        values = _samples(form)
        if _has(source, form, values) and _has(target, form, values):
            texts = [form.write(value, source) for value in values]
            if not all(any(known.read(text, source) for known in forms) for text in texts):
                forms.append(form)
    return tuple(forms)


def _samples(form: Format) -> list[Any]:
    random = Random(0)
    return [form.draw(random) for _ in range(20)]


def _has(locale: Locale, form: Format, values: list[Any]) -> bool:
    try:
        for value in values:
            form.write(value, locale)
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
