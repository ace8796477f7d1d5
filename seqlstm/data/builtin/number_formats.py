"""Formats of amounts, measures and durations, each with its exact inverse."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cache
from random import Random

from babel import Locale
from babel.dates import format_timedelta
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal, format_percent
from babel.units import format_unit

from seqlstm.data.builtin.date_formats import EnumeratedFormat

LARGEST_COUNT = 200
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}


@dataclass(frozen=True)
class UnitFormat(EnumeratedFormat):
    """A whole number of one unit, such as "3 hours"."""

    unit: str
    length: str = "long"
    kind: str = "measure"

    def values(self) -> Iterable[int]:
        return range(1, LARGEST_COUNT + 1)

    def write(self, value: int, locale: Locale) -> str:
        text = str(format_unit(value, self.unit, length=self.length, locale=locale))
        if self.unit in text:  # Babel's placeholder for a unit without a name in the locale
            raise KeyError(self.unit)
        return text


@dataclass(frozen=True)
class RelativeTimeFormat(EnumeratedFormat):
    """A time from now (`sign` = 1) or before now (-1), such as "in 3 weeks"."""

    unit: str
    sign: int
    kind: str = "duration"

    def values(self) -> Iterable[int]:
        return range(1, LARGEST_COUNT + 1)

    def write(self, value: int, locale: Locale) -> str:
        distance = timedelta(days=self.sign * value * _DAYS[self.unit])
        return str(
            format_timedelta(  # with a large threshold, Babel does not round to a larger unit
                distance, granularity=self.unit, threshold=10**9, add_direction=True, locale=locale
            )
        )


@dataclass(frozen=True)
class HoursAndMinutesFormat(EnumeratedFormat):
    """A duration such as "3 hours, 20 minutes"."""

    kind: str = "duration"

    def values(self) -> Iterable[tuple[int, int]]:
        return ((hours, minutes) for hours in range(1, 24) for minutes in range(1, 60))

    def write(self, value: tuple[int, int], locale: Locale) -> str:
        hours, minutes = value
        parts = [
            UnitFormat("duration-hour").write(hours, locale),
            UnitFormat("duration-minute").write(minutes, locale),
        ]
        return str(format_list(parts, style="unit", locale=locale))


class AmountFormat:
    """Base of numbers with fixed decimals. Values are integers, in units of the last decimal."""

    decimals: int
    digits: int = 7

    def format_amount(self, amount: Decimal, locale: Locale) -> str:
        """The amount as text."""
        raise NotImplementedError

    def sample(self, random: Random) -> int:
        digits = random.randint(1, self.digits)
        return random.randrange(10 ** (digits + self.decimals))

    def write(self, value: int, locale: Locale) -> str:
        return _amount_text(self, value, locale)

    def read(self, text: str, locale: Locale) -> Sequence[int]:
        if not _is_one_number(text):
            return []
        value = int("".join(re.findall(r"\d", text)))
        in_range = value < 10 ** (self.digits + self.decimals)
        return [value] if in_range and self.write(value, locale) == text else []


@cache
def _amount_text(format: AmountFormat, value: int, locale: Locale) -> str:
    return format.format_amount(Decimal(value).scaleb(-format.decimals), locale)


def _is_one_number(text: str) -> bool:
    """Whether no letter or colon is between digits: in no locale, a number contains one.

    A fast check that rejects most other texts, because `write` is slow.
    """
    first_to_last = re.search(r"\d(?:.*\d)?", text)
    return first_to_last is not None and re.search(r"[^\W\d_]|:", first_to_last[0]) is None


@dataclass(frozen=True)
class NumberFormat(AmountFormat):
    """A plain number with grouped thousands."""

    decimals: int
    kind: str = "number"

    def format_amount(self, amount: Decimal, locale: Locale) -> str:
        pattern = "#,##0." + "0" * self.decimals if self.decimals else "#,##0"
        return str(format_decimal(amount, format=pattern, locale=locale))


@dataclass(frozen=True)
class PercentFormat(AmountFormat):
    """A percentage below one thousand."""

    decimals: int
    digits: int = 3
    kind: str = "percent"

    def format_amount(self, amount: Decimal, locale: Locale) -> str:
        pattern = locale.percent_formats[None].pattern
        if self.decimals:
            pattern = pattern.replace("0", "0." + "0" * self.decimals)
        return str(format_percent(amount.scaleb(-2), format=pattern, locale=locale))


@dataclass(frozen=True)
class CurrencyFormat(AmountFormat):
    """A sum of money with the currency's sign (`standard`) or its name (`name`)."""

    currency: str
    style: str
    decimals: int = 2
    kind: str = "currency"

    def format_amount(self, amount: Decimal, locale: Locale) -> str:
        return str(format_currency(amount, self.currency, format_type=self.style, locale=locale))
