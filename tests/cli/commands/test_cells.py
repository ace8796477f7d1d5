"""`seqlstm cells`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seqlstm.recipe.read import CATALOGUE
from seqlstm.recurrent.backends import BACKENDS, Call, choose
from seqlstm.recurrent.catalogue import CELLS
from seqlstm.recurrent.cells.lstm import LSTM
from seqlstm.runtime.device import choose_device, choose_precision
from tests.runs import answer, refusal

KINDS = list(CATALOGUE["cell"])


def cells(*arguments: object) -> dict[str, dict[str, Any]]:
    return {cell["kind"]: cell for cell in json.loads(answer("cells", "--json", *arguments))}


def test_the_table_names_every_kind_and_fits_a_terminal() -> None:
    text = answer("cells")
    lines = text.splitlines()
    assert [line.split()[0] for line in lines[1:] if line[:1].strip()] == KINDS
    assert all(len(line) <= 80 for line in lines)
    (line,) = [line for line in lines if line.startswith("lstm ")]
    parameters = 4 * 512 * (256 + 512 + 1)
    assert line.split()[-3:-1] == ["2000", f"{parameters:,}"]
    assert line.split()[-1] in BACKENDS


def test_sizes_are_those_asked_for() -> None:
    found = cells("--input-size", 8, "--hidden-size", 16)
    assert list(found) == KINDS
    assert found["lstm"]["parameters"] == sum(p.numel() for p in LSTM(8, 16).parameters())
    assert found["elman"]["parameters"] == 16 * (8 + 16 + 1)
    assert found["xlstm"]["parameters"] > 0


def test_each_has_the_backend_that_serves_it() -> None:
    found = cells()
    # In the precision that training takes here.
    with choose_precision("auto", choose_device("auto")).autocast():
        expected = {
            kind: choose(CELLS[kind](8, 8), Call()).backend.name
            for kind in ("lstm", "slstm", "elman", "mingru", "mogrifier")
        }
    assert expected.items() <= {kind: cell["backend"] for kind, cell in found.items()}.items()
    assert (expected["mingru"], expected["mogrifier"]) == ("scan", "loop")
    for cell in found.values():
        assert list(cell["backends"]) == list(BACKENDS)
        first = next(name for name, reason in cell["backends"].items() if not reason)
        assert cell["backend"] == first


def test_options_stand_with_their_defaults_first() -> None:
    found = cells()
    assert found["elman"]["options"] == {}
    assert found["gru"]["options"] == {"reset": ["after", "before"]}
    assert found["xlstm"]["options"] == {"mlstm": [7], "slstm": [1], "heads": [4]}
    assert 'reset = "after" | "before"' in answer("cells")


@pytest.mark.parametrize("kind", KINDS)
def test_one_is_shown_with_its_equations_and_backends(kind: str) -> None:
    text = answer("cells", "--kind", kind)
    assert " = " in text
    assert all(f"\n{backend} " in text for backend in BACKENDS)
    assert "parameters" in text


def test_one_name_for_two_functions_shows_both() -> None:
    text = answer("cells", "--kind", "gru")
    assert "R_n h_{t-1} + b_Rn" in text
    assert "R_n (r ∘ h_{t-1})" in text


def test_what_no_text_can_feed_says_so() -> None:
    text = " ".join(answer("cells").split())
    assert text.count("not for text: needs ") == 2
    assert "not for text: needs the time" in text


def test_a_size_that_a_cell_cannot_have_has_a_reason() -> None:
    (cell,) = cells("--kind", "xlstm", "--hidden-size", 3).values()
    assert cell["parameters"] is None
    assert cell["problem"]
    assert cell["problem"] in answer("cells", "--kind", "xlstm", "--hidden-size", 3)
    assert "lstm" in cells("--hidden-size", 3)


def test_an_unknown_one_names_the_nearest() -> None:
    said = refusal("cells", "--kind", "grus")
    assert 'no cell of kind "grus"' in said
    assert 'did you mean "gru"?' in said
