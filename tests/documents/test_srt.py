"""SRT files: cues, their lines and tags, numbers and times."""

from __future__ import annotations

import pytest
import srt as srt_library

from seqlstm.documents import srt
from seqlstm.errors import DataError
from tests.documents.translators import in_capitals, sources, translated, without_marks

CUES = """1
00:00:01,000 --> 00:00:02,500
Nothing is said.

2
00:00:03,000 --> 00:00:05,000 X1:40 X2:600
The old man
sees a house.

3
00:00:06,000 --> 00:00:07,000
{\\an8}<i>Look,</i> a boat!

4
00:00:08,000 --> 00:00:09,000
- Who?
- The child.


5
00:00:10,000 --> 00:00:11,000
1984
"""


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_texts_change(newline: str, mark: str) -> None:
    expected = (
        CUES.replace("Nothing is said", "NOTHING IS SAID")
        .replace("The old man\nsees a house", "THE OLD MAN\nSEES A HOUSE")
        .replace("Look,</i> a boat", "LOOK,</i> A BOAT")
        .replace("Who", "WHO")
        .replace("The child", "THE CHILD")
    )
    data = (mark + CUES).replace("\n", newline).encode()
    assert (
        translated(srt.read(data, "")).encode() == (mark + expected).replace("\n", newline).encode()
    )


def test_the_library_reads_the_same_cues() -> None:
    before, after = (
        list(srt_library.parse(text)) for text in (CUES, translated(srt.read(CUES.encode(), "")))
    )
    for old, new in zip(before, after, strict=True):
        assert (old.index, old.start, old.end, old.proprietary) == (
            *(new.index, new.start, new.end, new.proprietary),
        )
        assert new.content == in_capitals([old.content])[0]


def test_lines_of_a_cue_are_one_sentence_and_a_dash_begins_another() -> None:
    assert sources(srt.read(CUES.encode(), "")) == [
        "Nothing is said.",
        "The old man sees a house.",
        "{\\an8}<i>Look,</i> a boat!",
        "- Who?",
        "- The child.",
        "1984",
    ]


def cue(*lines: str) -> bytes:
    return "\n".join(("1", "00:00:01,000 --> 00:00:02,000", *lines, "")).encode()


def test_a_translation_is_wrapped_to_lines_of_like_length() -> None:
    document = srt.read(cue("a", "b"), "")
    longer = "eins zwei drei vier fünf sechs"
    assert (
        translated(document, lambda lines: [longer])
        == cue("eins zwei drei", "vier fünf sechs").decode()
    )
    assert translated(document, lambda lines: ["eins"]) == cue("eins").decode()
    assert translated(document, lambda lines: [""]) == cue("").decode()


def test_tags_at_the_end_of_each_line_are_kept_around_its_break() -> None:
    document = srt.read(cue("<i>The old man</i>", "<i>sees a house.</i>"), "")
    assert sources(document) == ["<i>The old man sees a house.</i>"]
    assert (
        translated(document, lambda lines: ["eins zwei"])
        == cue("<i>eins</i>", "<i>zwei</i>").decode()
    )


def test_lines_that_are_joined_in_different_ways_stay_lines() -> None:
    data = cue("<i>a</i>", "<i>b</i>", "c")
    assert sources(srt.read(data, "")) == ["<i>a</i>", "<i>b</i>", "c"]
    assert translated(srt.read(data, "")) == cue("<i>A</i>", "<i>B</i>", "C").decode()


def test_tags_survive_a_translator_that_loses_them() -> None:
    data = cue('{\\an8}<font color="red">Look</font> at the <i>boat', "and</i> the house")
    assert (
        translated(srt.read(data, ""), without_marks)
        == cue('{\\an8}<font color="red">LOOK</font> AT THE <i>BOAT', "AND</i> THE HOUSE").decode()
    )


def test_cues_without_numbers_and_with_points_in_times() -> None:
    data = b"00:01.000 --> 00:02.000\nHello\n\n00:03.000 --> 00:04.000\nyou\n"
    assert translated(srt.read(data, "")) == data.decode().replace("Hello", "HELLO").replace(
        "you", "YOU"
    )


def test_empty_cues_stay() -> None:
    data = b"1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:03,000 --> 00:00:04,000\n \n"
    assert translated(srt.read(data, "")).encode() == data
    assert sources(srt.read(b"", "")) == []


def test_what_has_no_cue_is_refused() -> None:
    with pytest.raises(DataError, match=r"x\.srt, line 1: there is no cue"):
        srt.read(b"A letter.\n", "x.srt")
    with pytest.raises(DataError, match=r"x\.srt, line 3: not UTF-8"):
        srt.read(cue("a").replace(b"a\n", b"\xe9\n"), "x.srt")


@pytest.mark.parametrize(
    "line", [" " * 10**5 + "x", "a " * 10**4, "- " * 10**5, "<" * 10**5, "1" * 10**5]
)
def test_long_lines_end(line: str) -> None:
    """With time that grows with the square of the length, these take hours."""
    data = cue(line, line)
    assert b"00:00:01,000" in translated(srt.read(data, "")).encode()
