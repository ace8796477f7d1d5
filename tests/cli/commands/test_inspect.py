"""`seqlstm inspect`: a table, JSON, a coloured text and a picture."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from seqlstm.analysis.text_properties import PROPERTIES
from seqlstm.cli.commands import inspect
from seqlstm.cli.console import PlainConsole
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.recipe.load import load
from tests.plots.test_curves_and_attention import size_of
from tests.runs import answer, invoke, pairs_of, refusal, write_lines

TEXT = "A woman sees\nthe café."


def inspected(*arguments: object, text: str | None = None) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(answer("inspect", *arguments, "--json", text=text))
    return value


@pytest.fixture(scope="module")
def report(language_model: Path) -> dict[str, Any]:
    return inspected(language_model, TEXT)


def test_the_report_has_every_property_and_piece(report: dict[str, Any]) -> None:
    assert list(report["units"]) == list(PROPERTIES)
    assert report["units"]["brackets"] == []  # these sentences have none
    for name in ("line", "word"):
        strengths = [abs(one["correlation"]) for one in report["units"][name]]
        assert len(strengths) == 3
        assert strengths == sorted(strengths, reverse=True)
        assert strengths[0] > 0.4
    pieces = report["text"]["pieces"]
    assert "".join(pieces) == TEXT
    for values in (*report["text"]["properties"].values(), *report["text"]["activations"].values()):
        assert len(values) == len(pieces)
    assert report["read"]["text"] == "the validation split"


def test_activations_equal_the_state(language_model: Path, report: dict[str, Any]) -> None:
    loaded = load(language_model, device="cpu")
    assert isinstance(loaded, LoadedLanguageModel)
    session = loaded.session()
    session.read(TEXT)
    session.read_ids([loaded.end])  # the model reads a piece when the next one comes
    ((h, c),) = session.past.state
    state = {"h": h[0], "c": c[0]}
    one = report["units"]["line"][0]
    activations = report["text"]["activations"][one["unit"]]
    assert activations[-1] == pytest.approx(
        float(state[one["vector"]][one["number"] - 1]), abs=1e-5
    )


def test_argument_file_and_pipe_are_equal(
    language_model: Path, report: dict[str, Any], tmp_path: Path
) -> None:
    file = write_lines(tmp_path / "text.txt", TEXT.split("\n"))
    assert inspected(language_model, "--file", file) == report
    assert inspected(language_model, text=TEXT) == report


def test_a_file_has_universal_newlines(language_model: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(b"A woman\r\nsees\r\n")
    pieces = inspected(language_model, "--file", tmp_path / "text.txt")["text"]["pieces"]
    assert "".join(pieces) == "A woman\nsees"


def test_units_ranked_on_another_text(
    language_model: Path, report: dict[str, Any], tmp_path: Path
) -> None:
    lines = [f"{english} ({english.lower()})" for english, _ in pairs_of("test")]
    file = write_lines(tmp_path / "other.txt", lines)
    other = inspected(language_model, TEXT, "--on", file)
    assert other["read"]["text"] == str(file)
    assert len(other["units"]["brackets"]) == 3
    assert other["units"]["line"] != report["units"]["line"]
    fewer = inspected(language_model, TEXT, "--on", file, "--pieces", 200)
    assert sum(fewer["read"][half] for half in ("ranked", "held_out")) <= 200
    assert fewer["read"]["ranked"] < other["read"]["ranked"]


def test_the_table_has_the_numbers_of_json(language_model: Path, report: dict[str, Any]) -> None:
    result = invoke("inspect", language_model, TEXT)
    lines = [line.split() for line in result.stdout.splitlines()]
    for name in ("line", "word"):
        row = next(line for line in lines if line[0] == name)
        best = report["units"][name][0]
        assert row[1:4] == [
            best["unit"],
            f"{best['correlation']:+.3f}",
            f"{best['held_out']:+.3f}",
        ]
    assert ["comment", "–", "–", "–", "constant", "in", "the", "text"] in lines
    assert f"Pearson's, on {report['read']['ranked']} pieces of the validation split" in " ".join(
        result.stderr.split()
    )
    assert "woman" not in result.stdout  # no coloured text without a terminal


def test_selected_properties_and_units(language_model: Path, report: dict[str, Any]) -> None:
    selected = inspected(
        language_model, TEXT, "--property", "word", "--property", "line", "--best", 1
    )
    assert list(selected["units"]) == ["line", "word"]
    assert selected["units"]["line"] == report["units"]["line"][:1]
    one = inspected(language_model, TEXT, "--unit", "1:7")
    assert {entry["unit"] for group in one["units"].values() for entry in group} == {"1:c:7"}
    other = inspected(language_model, TEXT, "--unit", "1:h:7")
    assert list(other["text"]["activations"]) == ["1:h:7"]


def test_a_terminal_shows_the_text_in_colours(
    language_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    terminal = PlainConsole(file=screen, force_terminal=True, color_system="truecolor", width=300)
    monkeypatch.setattr(inspect, "out", terminal)
    answer("inspect", language_model, TEXT, "--property", "line", "--property", "comment")
    shown = screen.getvalue()
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown).endswith("\nA woman sees↵\nthe café.\n")
    backgrounds = {part.split("m")[0] for part in shown.split(";48;2;")[1:]}
    assert len(backgrounds) > 3


@pytest.mark.parametrize("options", [[], ["--best", 1], ["--unit", "1:3"]])
def test_a_heat_map_has_a_row_for_each_strip(
    language_model: Path, report: dict[str, Any], tmp_path: Path, options: list[object]
) -> None:
    picture = tmp_path / "units.png"
    result = invoke("inspect", language_model, TEXT, "--plot", picture, *options)
    assert result.exit_code == 0
    assert f"units: {picture}" in result.stderr.replace("\n", "")
    rows = {"--best": 4, "--unit": 2}.get(str(options[0]) if options else "", 8)
    labels = 0.4 + 0.08 * max(map(len, report["text"]["pieces"]))
    assert size_of(picture)[1] == pytest.approx((0.5 + labels + 0.2 * rows) * 120, abs=2)


def test_mistakes(
    language_model: Path, translator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = language_model
    assert "is a translator" in refusal("inspect", translator, TEXT)
    assert "text to show is empty" in refusal("inspect", run, text="")
    both = refusal("inspect", run, TEXT, "--file", tmp_path / "x.txt")
    assert "TEXT and --file" in both
    assert "x.txt cannot be read" in refusal("inspect", run, "--file", tmp_path / "x.txt")
    assert 'did you mean "brackets"?' in refusal("inspect", run, TEXT, "--property", "bracket")
    assert "--best cannot take effect" in refusal(
        "inspect", run, TEXT, "--unit", "1:1", "--best", 2
    )
    assert "no unit 2:1" in refusal("inspect", run, TEXT, "--unit", "2:1")
    short = write_lines(tmp_path / "short.txt", ["Too short."])
    assert "too short to look for units in" in refusal("inspect", run, TEXT, "--on", short)
    (tmp_path / "bytes.txt").write_bytes(b"good\nb\xe4d\n")
    error = refusal("inspect", run, "--file", tmp_path / "bytes.txt")
    assert "bytes.txt, line 2: not UTF-8" in error
    error = refusal("inspect", run, TEXT, "--plot", tmp_path / "units.xyz")
    assert "units.xyz cannot be drawn" in error
    error = refusal("inspect", run, "A" * 4001, "--plot", tmp_path / "units.png")
    assert "at most 4,000 characters, and the text has 4,001" in error
    error = refusal("inspect", run, TEXT, "--property", "indent", "--plot", tmp_path / "units.png")
    assert "nothing to draw" in error
