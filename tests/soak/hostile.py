"""Hostile lines: what files of other people hold."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

FRAGMENTS = (
    *("", " ", "\t", "  ", "\u00a0", "\u3000", "\u200b", "\ufeff", "\u2028", "\u2029", "\x85"),
    *("\x00", "\x01", "\x07", "\x08", "\x0b", "\x0c", "\x1b", "\x1b[31m", "\x1b]0;x\x07", "\x7f"),
    *("\x9b31m", "\u202e", "\u2066", "\ufffd", "\ufffe", "\U0010ffff", "\ue000", "\u0301\u0301"),
    *("▁", "▁▁", "\\", "\\▁", "<unk>", "<s>", "</s>", "<pad>", "<0x0A>", "<0xFF>", "⁇", "|||"),
    *("[red]", "[/x]", "[/]", "[link=x]", "{0}", "{}", "%s", "%(n)s", "%", "${x}", "$(x)", "`x`"),
    *("<b>", "</b>", "&amp;", "&#0;", "]]>", "<!--", '"', '""', "'", ",", ";", "None", "null"),
    *("NaN", "inf", "1e309", "007", "-0", "True", "2024-05-01", "1,000.00", "١٢٣", "½", "²"),
    *("ß", "ẞ", "ı", "İ", "ǆ", "ﬁ", "é", "e\u0301", "Å", "Å", "한국어", "\u1112\u1161\u11ab"),
    *("中文", "日本語テキスト", "ไทย", "עברית", "العربية", "हिन्दी", "👩‍👩‍👧‍👦", "🇩🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "Z̸̢̛͎a"),
    *(
        "A woman",
        "the house",
        "today.",
        "child",
        "a",
        "I",
        ".",
        "...",
        "!?",
        "—",
        "http://x.y/?a=b",
    ),
    *("x@y.z", "../../etc/passwd", "C:\\con", "/help", "/save", "--help", "-", "#", "~", "*"),
)


def hostile_lines(count: int, *, seed: int = 0) -> Iterator[str]:
    """Lines without line ends, each of other fragments and random characters."""
    random = Random(seed)
    for _ in range(count):
        parts = random.choices(FRAGMENTS, k=random.choice((0, 1, 2, 3, 5, 8, 30)))
        if random.random() < 0.3:
            parts.append("".join(random_character(random) for _ in range(random.randrange(20))))
        if random.random() < 0.003:
            parts *= 200  # a very long line
        random.shuffle(parts)
        yield random.choice(("", " ")).join(parts)


def random_character(random: Random) -> str:
    """Any Unicode character but surrogates and line ends."""
    while True:
        character = chr(random.randrange(0x110000))
        if character not in "\r\n" and not 0xD800 <= ord(character) < 0xE000:
            return character
