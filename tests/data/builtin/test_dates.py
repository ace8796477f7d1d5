import os
import subprocess
import sys
from collections import Counter
from datetime import date, time, timedelta
from decimal import Decimal
from random import Random

import pytest
from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_currency

from seqlstm.data.builtin import dates
from seqlstm.data.builtin.date_formats import DateFormat, DateTimeFormat, TimeFormat
from seqlstm.data.builtin.number_formats import (
    CurrencyFormat,
    HoursAndMinutesFormat,
    NumberFormat,
    PercentFormat,
    RelativeTimeFormat,
    UnitFormat,
)
from seqlstm.errors import DataError

EN, DE = Locale("en"), Locale("de")
PAIRS = [("en", "de"), ("de", "en"), ("fr", "ja")]


class TestForms:
    def test_formats_write_the_text_of_babel(self):
        day, clock = date(2007, 5, 3), time(15, 4)
        assert DateFormat("full").write(day, DE) == format_date(day, "full", locale="de")
        assert DateFormat("yMMMEd").write(day, DE) == format_skeleton("yMMMEd", day, locale="de")
        assert TimeFormat("short").write(clock, EN) == format_time(clock, "short", locale="en")
        moment = DateTimeFormat("medium", DateFormat("medium"), TimeFormat("short"))
        assert moment.write((day, clock), EN) == "May 3, 2007, 3:04\u202fPM"
        euros = CurrencyFormat("EUR", "standard")
        assert euros.write(123450, DE) == format_currency(Decimal("1234.5"), "EUR", locale="de")
        assert PercentFormat(decimals=1).write(120, DE) == "12,0\xa0%"
        assert NumberFormat(decimals=0).write(1234567, EN) == "1,234,567"
        assert UnitFormat("duration-hour").write(1, EN) == "1 hour"
        assert RelativeTimeFormat("week", -1).write(3, DE) == "vor 3 Wochen"
        assert RelativeTimeFormat("day", 1).write(200, EN) == "in 200 days"
        assert HoursAndMinutesFormat().write((3, 20), DE) == "3 Stunden, 20 Minuten"

    @pytest.mark.parametrize("pair", PAIRS)
    def test_reading_inverts_writing(self, pair):
        source, target = map(dates._locale, pair)
        random = Random(1)
        for form in dates._formats(source, target):
            for value in [form.sample(random) for _ in range(50)]:
                assert value in form.read(form.write(value, source), source)

    def test_reading_returns_every_possible_value(self):
        """Against a search through all days: texts of one day, one month and any year."""
        days = [date(1995, 1, 1) + timedelta(days=days) for days in range(15 * 365)]
        forms = {
            "yMMMEd": lambda day: day,
            "medium": lambda day: day,
            "yMMMM": lambda day: day.replace(day=1),
            "yQQQQ": lambda day: day.replace(day=1, month=(day.month - 1) // 3 * 3 + 1),
        }
        precision = {"yMMMM": "month", "yQQQQ": "quarter"}
        for name, first in forms.items():
            form = DateFormat(name, precision=precision.get(name, "day"))
            found: dict[str, set[date]] = {}
            for day in days:
                found.setdefault(form.write(first(day), EN), set()).add(first(day))
            for text in list(found)[::37]:
                assert set(form.read(text, EN)) == found[text]

    def test_a_format_reads_no_text_of_another_format(self):
        assert DateFormat("yMMMEd").read("Mon, May 3, 2007", EN) == []  # it was a Thursday
        assert DateFormat("long").read("February 30, 2007", EN) == []
        assert DateFormat("long").read("May 03, 2007", EN) == []
        assert DateFormat("long").read("May 3, 2107", EN) == []
        assert CurrencyFormat("EUR", "standard").read("€1234.50", EN) == []
        assert DateFormat("MMMMd", precision="day of any year").read("February 29", EN) == [
            date(2000, 2, 29)
        ]


class TestAmbiguity:
    def test_may_is_left_out_if_its_short_and_long_names_are_equal(self):
        pair = ("en", "de")
        assert dates.translations("May 1, 2000", pair=pair) == {"1. Mai 2000", "01.05.2000"}
        assert dates.translations("April 1, 2000", pair=pair) == {"1. April 2000"}
        assert dates.translations("Apr 1, 2000", pair=pair) == {"01.04.2000"}
        assert not any(source.startswith("May 1,") for source, _ in dates.rows("test", pair=pair))

    def test_a_datetime_is_as_ambiguous_as_its_date(self):
        assert dates.translations("May 1, 2000, 3:04\u202fPM") == {
            "1. Mai 2000, 15:04",
            "01.05.2000, 15:04",
        }

    @pytest.mark.parametrize("pair", PAIRS)
    def test_every_source_of_a_split_has_one_translation(self, pair):
        for source, target in dates.rows("test", pair=pair):
            assert dates.translations(source, pair=pair) == {target}


class TestRows:
    def test_splits_have_disjoint_sources_and_their_sizes(self):
        splits = {split: dict(dates.rows(split)) for split in dates.SIZES}
        assert {split: len(rows) for split, rows in splits.items()} == dates.SIZES
        sources = Counter(source for rows in splits.values() for source in rows)
        assert set(sources.values()) == {1}

    def test_no_two_digit_years_and_no_numeric_sources(self):
        assert not any("/" in source for source, _ in dates.rows("test"))

    def test_every_kind_occurs_and_none_exceeds_two_fifths(self):
        formats = dates._formats(EN, DE)
        kinds = Counter(
            next(format.kind for format in formats if format.read(source, EN))
            for source, _ in dates.rows("test")
        )
        assert set(kinds) == set(dates.WEIGHTS)
        assert max(kinds.values()) < 400

    def test_the_rows_are_fixed_for_any_hash_seed(self):
        code = "from seqlstm.data.builtin import dates; print(ascii(dates.rows('validation')))"
        outputs = {
            subprocess.run(
                [sys.executable, "-c", code],
                env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True,
                check=True,
            ).stdout
            for seed in ("1", "2")
        }
        assert outputs == {(ascii(dates.rows("validation")) + "\n").encode()}


class TestLocales:
    def test_hyphen_and_underscore_are_the_same(self):
        assert dates.rows("test", pair=("en-US", "de")) == dates.rows("test", pair=("en_US", "de"))

    def test_an_unknown_locale_names_the_nearest(self):
        with pytest.raises(DataError, match='no locale "de_DEE"') as caught:
            dates.rows("test", pair=("en", "de_DEE"))
        assert caught.value.hint == 'did you mean "de_DE"?'
