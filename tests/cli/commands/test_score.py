"""`seqlstm score`: a row for each line."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import seqlstm
from tests.runs import answer, pairs_of, refusal, write_lines

LINES = ["The child sees the house today.", "", "zzz 🙂"]


def test_a_row_for_each_line_equals_the_api(language_model: Path, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "lines.txt", LINES)
    text = answer("score", language_model, file)
    assert answer("score", language_model, text=file.read_bytes()) == text
    rows = [line.split("\t") for line in text.splitlines()]
    assert [row[3] for row in rows] == LINES
    for row, one in zip(rows, seqlstm.load(language_model).score(LINES), strict=True):
        assert float(row[0]) == pytest.approx(one.log_probability, abs=1e-3)
        assert float(row[1]) == pytest.approx(one.perplexity, rel=1e-3)
        assert float(row[2]) == pytest.approx(-one.log_probability / math.log(2), abs=1e-3)


def test_pieces_add_up_to_their_line(language_model: Path) -> None:
    lines = answer("score", language_model, "--tokens", text="\n".join(LINES)).splitlines()
    heads = [index for index, line in enumerate(lines) if not line.startswith("\t")]
    assert len(heads) == len(LINES)
    for begin, end in zip(heads, [*heads[1:], len(lines)], strict=True):
        surprisal = float(lines[begin].split("\t")[2])
        pieces = [line.split("\t") for line in lines[begin + 1 : end]]
        assert sum(float(value) for _, value, _ in pieces) == pytest.approx(surprisal, abs=1e-2)
        assert pieces[-1][2] == "\\n"


def test_a_translator_scores_pairs(translator: Path) -> None:
    pairs = pairs_of("test")[:3]
    text = answer("score", translator, text="".join(f"{a}\t{b}\n" for a, b in pairs))
    rows = [line.split("\t") for line in text.splitlines()]
    assert [tuple(row[3:]) for row in rows] == pairs
    for row, one in zip(rows, seqlstm.load(translator).score(pairs), strict=True):
        assert float(row[0]) == pytest.approx(one.log_probability, abs=1e-3)


def test_a_pair_has_two_columns(translator: Path) -> None:
    error = refusal("score", translator, "--batch", 1, text="a\tb\na\tb\tc\n")
    assert "line 2 must have 2 columns, separated by a tab, has 3" in error
    assert "line 1 must have 2 columns, separated by a tab, has 1" in refusal(
        "score", translator, text="no tab\n"
    )


def test_a_very_long_line(language_model: Path) -> None:
    (row,) = answer("score", language_model, text="paint " * 17_000).splitlines()
    assert float(row.split("\t")[0]) < 0
