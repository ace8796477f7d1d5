"""Ways of writing dates and times, each with its exact inverse.

A form writes a value in any locale and, read backwards, gives every value that is written in
exactly that way. The texts are Babel's, hence the Unicode CLDR's, narrow no-break spaces and all.
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
    """One way of writing values of one kind."""

    @property
    def kind(self) -> str:
        """What it writes: date, time, moment, number, percent, currency or duration."""

    def draw(self, random: Random) -> Any:
        """A random value that this form can write."""

    def write(self, value: Any, locale: Locale) -> str:
        """The value as text. Raises KeyError where the locale has no such form."""

    def read(self, text: str, locale: Locale) -> Sequence[Any]:
        """Every value of this form that `write` writes as `text`."""


class EnumeratedFormat:
    """A form of so few values that it is read by writing them all."""

    def values(self) -> Iterable[Any]:
        """Every value this form can write."""
        raise NotImplementedError

    def write(self, value: Any, locale: Locale) -> str:
        raise NotImplementedError

    def draw(self, random: Random) -> Any:
        return random.choice(_values(self))

    def read(self, text: str, locale: Locale) -> Sequence[Any]:
        return _values_by_text(self, locale).get(text, [])


@cache
def _values(form: EnumeratedFormat) -> list[Any]:
    return list(form.values())


@cache
def _values_by_text(form: EnumeratedFormat, locale: Locale) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {}
    for value in form.values():
        values.setdefault(form.write(value, locale), []).append(value)
    return values


@dataclass(frozen=True)
class DateFormat:
    """A date from 1900 to 2099 by a CLDR style (`long`) or skeleton (`yMMMM`).

    Values are the first day that the text can mean: `states` is "day", "month", "quarter", or
    "day of any year".
    """

    pattern: str
    states: str = "day"
    kind: str = "date"

    def draw(self, random: Random) -> date:
        ordinal = random.randint(FIRST_DAY.toordinal(), LAST_DAY.toordinal())
        return self._first(date.fromordinal(ordinal))

    def write(self, value: date, locale: Locale) -> str:
        return str(_date_pattern(self.pattern, locale).apply(value, locale))

    def read(self, text: str, locale: Locale) -> Sequence[date]:
        years = [int(year) for year in _YEAR.findall(text)] or [_A_LEAP_YEAR]
        days = _days_by_text(self, locale).get(_YEAR.sub("#", text), ())
        dates = (date(y, m, d) for y in years for m, d in days if _exists(y, m, d))
        return [day for day in dates if self._means(day) and self.write(day, locale) == text]

    def _first(self, day: date) -> date:
        match self.states:
            case "month":
                return day.replace(day=1)
            case "quarter":
                return day.replace(day=1, month=(day.month - 1) // 3 * 3 + 1)
            case "day of any year":
                return day.replace(year=_A_LEAP_YEAR)
        return day

    def _means(self, day: date) -> bool:
        return FIRST_DAY <= day <= LAST_DAY and day == self._first(day)


@cache
def _date_pattern(name: str, locale: Locale) -> DateTimePattern:
    style = locale.date_formats.get(name)
    return style or parse_pattern(locale.datetime_skeletons[name])


@cache
def _days_by_text(form: DateFormat, locale: Locale) -> dict[str, set[tuple[int, int]]]:
    """The months and days that a text may mean, whatever its year.

    Twenty-eight years hold every day of the year on every day of the week.
    """
    days: dict[str, set[tuple[int, int]]] = {}
    for ordinal in range(date(1980, 1, 1).toordinal(), date(2008, 1, 1).toordinal()):
        day = date.fromordinal(ordinal)
        text = _YEAR.sub("#", form.write(day, locale))
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
    """A date and a time of day, joined as the locale joins them in a CLDR style."""

    style: str
    day: DateFormat
    clock: TimeFormat
    kind: str = "moment"

    def draw(self, random: Random) -> tuple[date, time]:
        return self.day.draw(random), self.clock.draw(random)

    def write(self, value: tuple[date, time], locale: Locale) -> str:
        day, clock = value
        return self._joint(locale).join(
            [self.day.write(day, locale), self.clock.write(clock, locale)]
        )

    def read(self, text: str, locale: Locale) -> Sequence[tuple[date, time]]:
        joint = self._joint(locale)
        cuts = [cut for cut in range(len(text)) if text.startswith(joint, cut)]
        return [
            (day, clock)
            for cut in cuts
            for clock in self.clock.read(text[cut + len(joint) :], locale)
            for day in self.day.read(text[:cut], locale)
        ]

    def _joint(self, locale: Locale) -> str:
        """What stands between date and time. KeyError for a locale that puts the time first."""
        around = re.fullmatch(r"\{1\}(.+)\{0\}", str(locale.datetime_formats[self.style]))
        if around is None:
            raise KeyError(self.style)
        return around[1].replace("'", "")
