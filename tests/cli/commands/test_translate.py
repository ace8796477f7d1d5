"""`seqlstm translate`: files, pipes, sessions, n-best lists and scores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import seqlstm
from seqlstm.inference.translator import LoadedTranslator
from tests.runs import answer, invoke, pairs_of, refusal, write_lines

LINES = [line for line, _ in pairs_of("test")[:4]]
LINES[1:1] = [""]
LINES += ["   ", "日本語 🙂", ""]


@pytest.fixture(scope="module")
def api(translator: Path) -> LoadedTranslator:
    loaded = seqlstm.load(translator, device="cpu")
    assert isinstance(loaded, LoadedTranslator)
    return loaded


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "lines.txt", LINES)


def test_file_pipe_and_api_are_equal(translator: Path, api: LoadedTranslator, file: Path) -> None:
    expected = api.translate(LINES)
    assert answer("translate", translator, file).split("\n")[:-1] == expected
    assert answer("translate", translator, text=file.read_bytes()).split("\n")[:-1] == expected
    assert answer("translate", translator, file, "--batch", "1").split("\n")[:-1] == expected


def test_empty_lines_stay_empty(translator: Path, file: Path) -> None:
    found = answer("translate", translator, file).split("\n")[:-1]
    assert len(found) == len(LINES)
    assert [index for index, line in enumerate(found) if not line] == [1, 5, 7]


def test_kinds_of_line_ends_are_equal(translator: Path) -> None:
    plain = answer("translate", translator, text="\n".join(LINES[:3]) + "\n")
    assert answer("translate", translator, text="\n".join(LINES[:3])) == plain
    assert answer("translate", translator, text="\r\n".join(LINES[:3]) + "\r\n") == plain


def test_no_lines_make_no_output(translator: Path) -> None:
    assert answer("translate", translator, text="") == ""


def test_n_best_numbers_the_lines_best_first(translator: Path, file: Path) -> None:
    best = answer("translate", translator, file).split("\n")
    rows = [
        line.split("\t")
        for line in answer("translate", translator, file, "--n-best", 3).split("\n")[:-1]
    ]
    by_line = {number: [text for first, text in rows if first == number] for number, _ in rows}
    assert list(by_line) == [str(number) for number in range(1, len(LINES) + 1)]
    for number, texts in by_line.items():
        assert texts[0] == best[int(number) - 1]
        assert len(texts) <= 3
    assert len(by_line["1"]) > 1
    assert by_line["2"] == [""]


def test_n_best_above_the_beam_size_is_an_error(translator: Path, file: Path) -> None:
    error = refusal("translate", translator, file, "--n-best", 4)
    assert "--n-best 4 is more than the beam size 3" in error
    assert "--beam-size 4" in error
    answer("translate", translator, file, "--n-best", 4, "--beam-size", 4)


def test_scores_equal_the_api(translator: Path, api: LoadedTranslator, file: Path) -> None:
    expected = [best[0] for best in api.translations(LINES)]
    rows = [
        line.split("\t")
        for line in answer("translate", translator, file, "--scores").split("\n")[:-1]
    ]
    assert [text for _, _, text in rows] == [one.text for one in expected]
    for (score, log_probability, _), one in zip(rows, expected, strict=True):
        assert float(score) == pytest.approx(one.score, abs=2e-4)
        assert float(log_probability) == pytest.approx(one.log_probability, abs=2e-4)


def test_score_of_the_same_pieces_equals_the_beam_score(api: LoadedTranslator) -> None:
    lines = [line for line, _ in pairs_of("test")]
    found = [best[0] for best in api.translations(lines)]
    compared = 0
    for line, one in zip(lines, found, strict=True):
        if one.finished and api.tokenizers.target.encode(one.text) == list(one.ids):
            [score] = api.score([(line, one.text)])
            penalty = ((5 + len(score.pieces)) / 6) ** api.options.length_penalty
            assert score.log_probability / penalty == pytest.approx(one.score, abs=1e-4)
            compared += 1
    assert compared > 5


def test_json_has_an_object_per_line(translator: Path, file: Path) -> None:
    plain = answer("translate", translator, file).split("\n")
    lines = answer("translate", translator, file, "--json", "--n-best", 2).splitlines()
    found = [json.loads(line) for line in lines]
    assert [one["source"] for one in found] == LINES
    for one, text in zip(found, plain, strict=False):
        assert list(one) == ["source", "translations"]
        assert one["translations"][0]["text"] == text
        scores = [translation["score"] for translation in one["translations"]]
        assert scores == sorted(scores, reverse=True)
        assert set(one["translations"][0]) == {"text", "score", "log_probability"}


def test_a_very_long_line_is_truncated_with_a_warning(translator: Path) -> None:
    text = "\n".join([LINES[0], "paint " * 17_000, LINES[2]])
    assert len(text) > 100_000
    result = invoke("translate", translator, text=text)
    assert result.exit_code == 0, result.output
    found = result.stdout.split("\n")[:-1]
    assert len(found) == 3
    assert [found[0], found[2]] == answer(
        "translate", translator, text=f"{LINES[0]}\n{LINES[2]}"
    ).splitlines()
    assert "warning: truncated 1 line of more than 60 pieces" in result.stderr


def test_it_needs_a_translator(language_model: Path) -> None:
    error = refusal("translate", language_model, text="x\n")
    assert f"{language_model} is a language model; this needs a translator" in error


def test_a_missing_file(translator: Path, tmp_path: Path) -> None:
    error = refusal("translate", translator, tmp_path / "nowhere.txt")
    assert "nowhere.txt cannot be read: No such file" in error


@pytest.mark.parametrize("piped", [False, True])
def test_bytes_that_are_not_utf8_have_a_line_number(
    translator: Path, tmp_path: Path, piped: bool
) -> None:
    file = tmp_path / "latin.txt"
    file.write_bytes(b"fine\nna\xefve\n")
    error = refusal("translate", translator, *([] if piped else [file]), text=file.read_bytes())
    assert f"{'standard input' if piped else file}, line 2: not UTF-8" in error


def test_a_session_has_the_same_translations(
    translator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(f"{line}\n" for line in LINES[:4])
    expected = answer("translate", translator, text=text)
    monkeypatch.setattr("seqlstm.cli.commands.translate.on_terminal", lambda: True)
    result = invoke("translate", translator, text=text)
    assert result.exit_code == 0, result.output
    assert result.stdout == expected
    assert "Ctrl-D ends" in result.stderr
