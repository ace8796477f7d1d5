"""Protected strings become numbered symbols and come back letter by letter."""

from __future__ import annotations

import random
import re

import pytest

from seqlstm.text.placeholders import (
    MAX_PLACEHOLDERS,
    PROTECTED,
    SYMBOLS,
    protect,
    protect_pair,
)


@pytest.mark.parametrize(
    ("line", "strings"),
    [
        ("Pay 1.000,50 € by 2024-05-01 at 3:45.", ["1.000,50", "2024-05-01", "3:45"]),
        ("1,000 and 1.000", ["1,000", "1.000"]),
        ("see https://a.b/c?d=e&f=1.", ["https://a.b/c?d=e&f=1"]),
        ("(www.x.de/a), now", ["www.x.de/a"]),
        ("mail a.b+c@d-e.co.uk!", ["a.b+c@d-e.co.uk"]),
        ("%s %(name)s %d%% %1$s %.2f", ["%s", "%(name)s", "%d", "%%", "%1$s", "%.2f"]),
        ("{0} {name} ${x} {} {{ user.name }}", ["{0}", "{name}", "${x}", "{}", "{{ user.name }}"]),
        ("<b>x</a><br/><br />", ["<b>", "</a>", "<br/>", "<br />"]),
        ('<a href="x y">z', ['<a href="x y">']),
        ("&nbsp;&#160;&#xA0;", ["&nbsp;", "&#160;", "&#xA0;"]),
        ("50% of 10%ige", ["50", "10"]),
        ("B17 H2O 2nd mp3 x1.5 1.5x 1-2-3a _1", []),
        ("AT&T; a < b > c, a<b and c>d, { x: y }", []),
        ("第5章", ["5"]),
        ("5 5", ["5", "5"]),
        ("a@b.c @x a@", []),
        ("⟦3⟧ and ⟦17⟧", ["⟦3⟧", "17"]),
        ("", []),
        ("%ld %zu %lld %*d %.*f %r %%%d", ["%ld", "%zu", "%lld", "%*d", "%.*f", "%r", "%%", "%d"]),
        (
            "{{ user|upper }}, {{{raw}}} #{a.b} %{n}",
            ["{{ user|upper }}", "{{{raw}}}", "#{a.b}", "%{n}"],
        ),
        (
            "{n, plural, one {# file} other {{n} files}} in {d, date}",
            ["{n, plural, one {# file} other {{n} files}}", "{d, date}"],
        ),
        (
            "{g, select, x {{n, plural, =0 {no} other {{{n}}}}} other {}}",
            ["{g, select, x {{n, plural, =0 {no} other {{{n}}}}} other {}}"],
        ),
        (
            "{\\an8}Yes {0:HH mm} {t:%d %B} { $name }",
            ["{\\an8}", "{0:HH mm}", "{t:%d %B}", "{ $name }"],
        ),
        ("x<input disabled>y<input disabled />", ["<input disabled>", "<input disabled />"]),
        ("<option selected data-x value=a>", ["<option selected data-x value=a>"]),
        ("{see below} { one, two } {n, many} <see below> a<b or c>d <b openly>", []),
        ("a < b, c > d, half % done, &c; 'it' # {", []),
    ],
)
def test_what_is_protected(line: str, strings: list[str]) -> None:
    protected = protect(line)
    assert protected is not None
    assert list(protected.strings.values()) == strings
    assert list(protected.strings) == list(SYMBOLS[: len(strings)])
    assert protected.restore(protected.text) == line


def test_a_hostile_line_comes_back() -> None:
    generator = random.Random(1)
    fragments = ["<b>", "</b", "{", "}", "%", "s", "1", ".", "@", "a.b", "http://", "&", ";", " "]
    fragments += ["⟦1⟧", "⟦", "⟧", "\\1", "$", "<", ">", "=", "\n", "é", "🙂", "\u00a0", "(x)"]
    for _ in range(5000):
        line = "".join(generator.choices(fragments, k=generator.randrange(15)))
        protected = protect(line)
        assert protected is None or protected.restore(protected.text) == line


def test_more_strings_than_symbols() -> None:
    assert protect("7 " * MAX_PLACEHOLDERS) is not None
    assert protect("7 " * (MAX_PLACEHOLDERS + 1)) is None


@pytest.mark.parametrize("translation", ["⟦1⟧", "⟦1⟧ ⟦2⟧ ⟦1⟧", "⟦1⟧ ⟦3⟧", "", "⟦1⟧ ⟦2⟧ ⟦3⟧", "1 2"])
def test_each_symbol_must_come_out_once(translation: str) -> None:
    protected = protect("4 <b>")
    assert protected is not None
    assert protected.restore(translation) is None
    assert protected.restore("x⟦2⟧y⟦1⟧") == "x<b>y4"


def test_only_what_both_sides_have_equally_often() -> None:
    pair = protect_pair("1,000 of 7, 7 and 3", "7, 1.000 und 7, 3 von 3", random.Random(1))
    assert pair is not None
    source, target = pair
    assert re.fullmatch(r"1,000 of ⟦\d+⟧, ⟦\d+⟧ and 3", source)
    assert re.fullmatch(r"⟦\d+⟧, 1.000 und ⟦\d+⟧, 3 von 3", target)
    symbols = re.findall(r"⟦\d+⟧", source)
    assert symbols == re.findall(r"⟦\d+⟧", target)
    assert len(set(symbols)) == 2


def test_occurrences_keep_their_order_and_numbers_follow_the_source() -> None:
    for seed in range(50):
        pair = protect_pair("<b>1</b> 2", "2 <b>1</b>", random.Random(seed))
        assert pair is not None
        numbers = [int(number) for number in re.findall(r"⟦(\d+)⟧", pair[0])]
        assert numbers == sorted(set(numbers))
        turned = [int(number) for number in re.findall(r"⟦(\d+)⟧", pair[1])]
        assert turned == [numbers[3], *numbers[:3]]


def test_every_symbol_is_trained() -> None:
    generator = random.Random(1)
    pairs = [protect_pair("7 times", "7 Mal", generator) for _ in range(5000)]
    assert {pair[0].split()[0] for pair in pairs if pair} == set(SYMBOLS)


@pytest.mark.parametrize(
    ("source", "target"),
    [("one", "ein"), ("7", "8"), ("⟦1⟧ 7", "⟦1⟧ 7"), ("7 " * 17, "7 " * 17), ("7 7", "7")],
)
def test_pairs_that_stay_as_they_are(source: str, target: str) -> None:
    assert protect_pair(source, target, random.Random(1)) is None


@pytest.mark.parametrize(
    "unit",
    [
        *("a", "a.", "<a ", "1.", "1-", "&a", "{", "${", "%", "%0", "a@", "@a.a.", "{a:", "<a="),
        *("%(a", "{{", "{{{a}", "#{", "${a}{", "{n, plural, ", "{n, plural, {a}", "{n,", "{ "),
        *(
            "{$",
            "{0:",
            "{a:%",
            "<a open ",
            "<a b-",
            "<a b-c ",
            "%*.",
            "%l",
            "www.",
            "http://.",
            "@",
        ),
    ],
)
def test_a_long_line_needs_no_backtracking_over_its_start(unit: str) -> None:
    """A quadratic search would take minutes."""
    for line in (unit * 100_000, unit * 100_000 + "a", "%" + unit * 100_000 + " <"):
        assert len(PROTECTED.sub("", line)) <= len(line)
