"""Formats of dates and times, each with its exact inverse.

A format writes a value as text in any locale; its inverse returns every value with a given text.
The texts are those of Babel and the Unicode CLDR, including narrow no-break spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time
from functools import cache
from random import Random
from typing import Any, Protocol

from babel import Locale
from babel.dates import DateTimePattern, parse_pattern

FIRST_DAY = date(1900, 1, 1)
LAST_DAY = date(2099, 12, 31)
_A_LEAP_YEAR = 2000
_YEAR = re.compile(r"\d{4}")


class Format(Protocol):
    """A format of values of one kind."""

    @property
    def kind(self) -> str:
        """date, time, datetime, number, percent, currency, measure or duration."""

    def sample(self, random: Random) -> Any:
        """A random value that this format can write."""

    def write(self, value: Any, locale: Locale) -> str:
        """The value as text. Raises KeyError if the locale has no such format."""

    def read(self, text: str, locale: Locale) -> Sequence[Any]:
        """Every value that `write` writes as `text`."""


class EnumeratedFormat:
    """Base of formats with few values: reading enumerates all of them."""

    def values(self) -> Iterable[Any]:
        """Every value that this format can write."""
        raise NotImplementedError

    def write(self, value: Any, locale: Locale) -> str:
        raise NotImplementedError

    def sample(self, random: Random) -> Any:
        return random.choice(_values(self))

    def read(self, text: str, locale: Locale) -> Sequence[Any]:
        return _values_by_text(self, locale).get(text, [])


@cache
def _values(format: EnumeratedFormat) -> list[Any]:
    return list(format.values())


@cache
def _values_by_text(format: EnumeratedFormat, locale: Locale) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {}
    for value in format.values():
        values.setdefault(format.write(value, locale), []).append(value)
    return values


@dataclass(frozen=True)
class DateFormat:
    """A date from 1900 to 2099 by a CLDR style (`long`) or skeleton (`yMMMM`).

    `precision` is the period that the text names: "day", "month", "quarter", or "day of any year".
    A value is the first day of its period.
    """

    pattern: str
    precision: str = "day"
    kind: str = "date"

    def sample(self, random: Random) -> date:
        ordinal = random.randint(FIRST_DAY.toordinal(), LAST_DAY.toordinal())
        return self._first_day(date.fromordinal(ordinal))

    def write(self, value: date, locale: Locale) -> str:
        return str(_date_pattern(self.pattern, locale).apply(value, locale))

    def read(self, text: str, locale: Locale) -> Sequence[date]:
        years = [int(year) for year in _YEAR.findall(text)] or [_A_LEAP_YEAR]
        days = _days_by_text(self, locale).get(_YEAR.sub("#", text), ())
        dates = (date(y, m, d) for y in years for m, d in days if _exists(y, m, d))
        return [day for day in dates if self._is_value(day) and self.write(day, locale) == text]

    def _first_day(self, day: date) -> date:
        match self.precision:
            case "month":
                return day.replace(day=1)
            case "quarter":
                return day.replace(day=1, month=(day.month - 1) // 3 * 3 + 1)
            case "day of any year":
                return day.replace(year=_A_LEAP_YEAR)
        return day

    def _is_value(self, day: date) -> bool:
        return FIRST_DAY <= day <= LAST_DAY and day == self._first_day(day)


@cache
def _date_pattern(name: str, locale: Locale) -> DateTimePattern:
    style = locale.date_formats.get(name)
    return style or parse_pattern(locale.datetime_skeletons[name])


@cache
def _days_by_text(format: DateFormat, locale: Locale) -> dict[str, set[tuple[int, int]]]:
    """The possible months and days of every text, with "#" in place of the year.

    28 years are enough: in these, every day of the year falls on every day of the week.
    """
    days: dict[str, set[tuple[int, int]]] = {}
    for ordinal in range(date(1980, 1, 1).toordinal(), date(2008, 1, 1).toordinal()):
        day = date.fromordinal(ordinal)
        text = _YEAR.sub("#", format.write(day, locale))
        days.setdefault(text, set()).add((day.month, day.day))
    return days


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class TimeFormat(EnumeratedFormat):
    """A time of day to the minute, by a CLDR style (`short`) or skeleton (`Hm`)."""

    pattern: str
    kind: str = "time"

    def values(self) -> Iterable[time]:
        return (time(minute // 60, minute % 60) for minute in range(24 * 60))

    def write(self, value: time, locale: Locale) -> str:
        return str(_time_pattern(self.pattern, locale).apply(value, locale))


@cache
def _time_pattern(name: str, locale: Locale) -> DateTimePattern:
    style = locale.time_formats.get(name)
    return style or parse_pattern(locale.datetime_skeletons[name])


@dataclass(frozen=True)
class DateTimeFormat:
    """A date and a time of day, joined by the locale's separator of a CLDR style."""

    style: str
    day: DateFormat
    clock: TimeFormat
    kind: str = "datetime"

    def sample(self, random: Random) -> tuple[date, time]:
        return self.day.sample(random), self.clock.sample(random)

    def write(self, value: tuple[date, time], locale: Locale) -> str:
        day, clock = value
        return self._separator(locale).join(
            [self.day.write(day, locale), self.clock.write(clock, locale)]
        )

    def read(self, text: str, locale: Locale) -> Sequence[tuple[date, time]]:
        separator = self._separator(locale)
        cuts = [cut for cut in range(len(text)) if text.startswith(separator, cut)]
        return [
            (day, clock)
            for cut in cuts
            for clock in self.clock.read(text[cut + len(separator) :], locale)
            for day in self.day.read(text[:cut], locale)
        ]

    def _separator(self, locale: Locale) -> str:
        """The text between date and time. Raises KeyError if the locale puts the time first."""
        pattern = re.fullmatch(r"\{1\}(.+)\{0\}", str(locale.datetime_formats[self.style]))
        if pattern is None:
            raise KeyError(self.style)
        return pattern[1].replace("'", "")
