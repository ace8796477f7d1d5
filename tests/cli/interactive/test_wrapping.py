"""Word wrap, and control characters on a terminal."""

from __future__ import annotations

import random

import pytest
from rich.cells import cell_len

from seqlstm.cli.interactive.wrapping import Wrap
from seqlstm.cli.visible import visible


def wrapped(text: str, width: int, *, seed: int = 0) -> str:
    """`text`, pushed in parts of random size."""
    wrap, generator, shown = Wrap(width), random.Random(seed), ""
    while text:
        size = generator.randint(1, 5)
        part, text = text[:size], text[size:]
        shown += wrap.push(part)
    return shown + wrap.flush()


def test_lines_break_between_words() -> None:
    assert wrapped("The old man sells two apples.", 10) == "The old\nman sells\ntwo\napples."
    assert wrapped("exactly 10 and", 10) == "exactly 10\nand"
    assert wrapped("one\n\n  two three", 8) == "one\n\n  two\nthree"
    assert wrapped("a\tb", 20) == f"a{' ' * 7}b"


@pytest.mark.parametrize("width", [7, 20, 80])
@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_lost_and_every_line_fits(width: int, seed: int) -> None:
    generator = random.Random(seed)
    words = ["".join(generator.choices("aé日🙂b", k=generator.randint(1, 25))) for _ in range(60)]
    text = "".join(word + generator.choice([" ", " ", "  ", "\n"]) for word in words)
    shown = wrapped(text, width, seed=seed)
    assert "".join(shown.split()) == "".join(text.split())
    assert all(cell_len(line.rstrip()) <= width for line in shown.split("\n"))
    assert shown == wrapped(text, width, seed=seed + 1)  # for any parts


def test_a_word_appears_when_it_is_complete() -> None:
    wrap = Wrap(20)
    assert [wrap.push(part) for part in ("Nob", "ody", " ", "se", "lls\n")] == [
        "",
        "",
        "Nobody",
        "",
        " sells\n",
    ]


def test_wide_characters_appear_at_once() -> None:
    wrap = Wrap(7)
    assert [wrap.push(part) for part in "日本語の歌"] == ["日", "本", "語", "\nの", "歌"]


def test_control_characters_are_visible() -> None:
    assert visible("a\x1b[31mb\x07\x7f\x85\r") == r"a\x1b[31mb\x07\x7f\x85\x0d"
    assert wrapped("a\x1b[2J b", 20) == r"a\x1b[2J b"
    assert visible("é日🙂 ▁\n") == "é日🙂 ▁\n"
