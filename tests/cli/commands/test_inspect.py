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
from seqlstm.cli.console import Output
from seqlstm.inference.language_model import LoadedLanguageModel
from seqlstm.recipe.load import load
from tests.plots.test_curves_and_attention import size_of
from tests.runs import answer, invoke, pairs_of, refusal, write_lines

TEXT = "A woman sees\nthe café."


def found(*arguments: object, text: str | None = None) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(answer("inspect", *arguments, "--json", text=text))
    return value


@pytest.fixture(scope="module")
def whole(language_model: Path) -> dict[str, Any]:
    return found(language_model, TEXT)


def test_every_property_and_every_piece(whole: dict[str, Any]) -> None:
    assert list(whole["units"]) == list(PROPERTIES)
    assert whole["units"]["brackets"] == []  # these sentences have none
    for name in ("line", "word"):
        strengths = [abs(one["correlation"]) for one in whole["units"][name]]
        assert len(strengths) == 3
        assert strengths == sorted(strengths, reverse=True)
        assert strengths[0] > 0.4
    pieces = whole["text"]["pieces"]
    assert "".join(pieces) == TEXT
    for values in (*whole["text"]["properties"].values(), *whole["text"]["activations"].values()):
        assert len(values) == len(pieces)
    assert whole["read"]["text"] == "the validation split"


def test_activations_are_those_of_the_state(language_model: Path, whole: dict[str, Any]) -> None:
    loaded = load(language_model, device="cpu")
    assert isinstance(loaded, LoadedLanguageModel)
    session = loaded.session()
    session.read(TEXT)
    session.read_ids([loaded.end])  # the last piece is read when another comes
    ((h, c),) = session.past.state
    state = {"h": h[0], "c": c[0]}
    one = whole["units"]["line"][0]
    held = whole["text"]["activations"][one["unit"]]
    assert held[-1] == pytest.approx(float(state[one["vector"]][one["number"] - 1]), abs=1e-5)


def test_argument_file_and_pipe_are_the_same(
    language_model: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    file = write_lines(tmp_path / "text.txt", TEXT.split("\n"))
    assert found(language_model, "--file", file) == whole
    assert found(language_model, text=TEXT) == whole


def test_a_file_is_read_as_it_is(language_model: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(b"A woman\r\nsees\r\n")
    pieces = found(language_model, "--file", tmp_path / "text.txt")["text"]["pieces"]
    assert "".join(pieces) == "A woman\r\nsees"


def test_another_text_to_find_units_in(
    language_model: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    lines = [f"{english} ({english.lower()})" for english, _ in pairs_of("test")]
    file = write_lines(tmp_path / "other.txt", lines)
    other = found(language_model, TEXT, "--on", file)
    assert other["read"]["text"] == str(file)
    assert len(other["units"]["brackets"]) == 3
    assert other["units"]["line"] != whole["units"]["line"]
    fewer = found(language_model, TEXT, "--on", file, "--pieces", 200)
    assert sum(fewer["read"][half] for half in ("ranked", "held_out")) <= 200
    assert fewer["read"]["ranked"] < other["read"]["ranked"]


def test_the_table_says_what_json_does(language_model: Path, whole: dict[str, Any]) -> None:
    result = invoke("inspect", language_model, TEXT)
    lines = [line.split() for line in result.stdout.splitlines()]
    for name in ("line", "word"):
        row = next(line for line in lines if line[0] == name)
        best = whole["units"][name][0]
        assert row[1:4] == [
            best["unit"],
            f"{best['correlation']:+.3f}",
            f"{best['held_out']:+.3f}",
        ]
    assert ["comment", "–", "–", "–", "constant", "there"] in lines
    assert f"Pearson's, on {whole['read']['ranked']} pieces of the validation split" in " ".join(
        result.stderr.split()
    )
    assert "woman" not in result.stdout  # colours are for a terminal


def test_properties_and_units_are_chosen(language_model: Path, whole: dict[str, Any]) -> None:
    chosen = found(language_model, TEXT, "--property", "word", "--property", "line", "--best", 1)
    assert list(chosen["units"]) == ["line", "word"]
    assert chosen["units"]["line"] == whole["units"]["line"][:1]
    one = found(language_model, TEXT, "--unit", "1:7")
    assert {entry["unit"] for group in one["units"].values() for entry in group} == {"1:c:7"}
    other = found(language_model, TEXT, "--unit", "1:h:7")
    assert list(other["text"]["activations"]) == ["1:h:7"]


def test_a_terminal_shows_the_text_in_colours(
    language_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    terminal = Output(file=screen, force_terminal=True, color_system="truecolor", width=300)
    monkeypatch.setattr(inspect, "out", terminal)
    answer("inspect", language_model, TEXT, "--property", "line", "--property", "comment")
    shown = screen.getvalue()
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown).endswith("\nA woman sees↵\nthe café.\n")
    backgrounds = {part.split("m")[0] for part in shown.split(";48;2;")[1:]}
    assert len(backgrounds) > 3


@pytest.mark.parametrize("options", [[], ["--best", 1], ["--unit", "1:3"]])
def test_a_heat_map_has_a_row_for_each_strip(
    language_model: Path, whole: dict[str, Any], tmp_path: Path, options: list[object]
) -> None:
    picture = tmp_path / "units.png"
    said = invoke("inspect", language_model, TEXT, "--plot", picture, *options)
    assert said.exit_code == 0
    assert f"units: {picture}" in said.stderr.replace("\n", "")
    rows = {"--best": 4, "--unit": 2}.get(str(options[0]) if options else "", 8)
    labels = 0.4 + 0.08 * max(map(len, whole["text"]["pieces"]))
    assert size_of(picture)[1] == pytest.approx((0.5 + labels + 0.2 * rows) * 120, abs=2)


def test_what_a_person_can_mend(
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
    said = refusal("inspect", run, "--file", tmp_path / "bytes.txt")
    assert "bytes.txt, line 2 is not UTF-8" in said
    said = refusal("inspect", run, TEXT, "--plot", tmp_path / "units.xyz")
    assert "units.xyz cannot be drawn" in said
    said = refusal("inspect", run, "A" * 4001, "--plot", tmp_path / "units.png")
    assert "at most 4,000 characters, and the text has 4,001" in said
    said = refusal("inspect", run, TEXT, "--property", "indent", "--plot", tmp_path / "units.png")
    assert "nothing to draw" in said
