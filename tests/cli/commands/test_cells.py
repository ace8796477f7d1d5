"""`seqlstm cells`: the table, JSON, and a single cell."""

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


def test_the_table_lists_every_kind_in_80_columns() -> None:
    text = answer("cells")
    lines = text.splitlines()
    assert [line.split()[0] for line in lines[1:] if line[:1].strip()] == KINDS
    assert all(len(line) <= 80 for line in lines)
    (line,) = [line for line in lines if line.startswith("lstm ")]
    parameters = 4 * 512 * (256 + 512 + 1)
    assert line.split()[-3:-1] == ["2000", f"{parameters:,}"]
    assert line.split()[-1] in BACKENDS


def test_parameters_follow_the_sizes() -> None:
    found = cells("--input-size", 8, "--hidden-size", 16)
    assert list(found) == KINDS
    assert found["lstm"]["parameters"] == sum(p.numel() for p in LSTM(8, 16).parameters())
    assert found["elman"]["parameters"] == 16 * (8 + 16 + 1)
    assert found["xlstm"]["parameters"] > 0


def test_each_has_the_backend_that_serves_it() -> None:
    found = cells()
    # In the precision that "auto" chooses here.
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


def test_options_start_with_the_default() -> None:
    found = cells()
    assert found["elman"]["options"] == {}
    assert found["gru"]["options"] == {"reset": ["after", "before"]}
    assert found["xlstm"]["options"] == {
        "mlstm": [7],
        "slstm": [1],
        "heads": [4],
        "conv_kernel_size": [4],
        "proj_factor": [2],
    }
    assert 'reset = "after" | "before"' in answer("cells")


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_cell_has_equations_and_backends(kind: str) -> None:
    text = answer("cells", "--kind", kind)
    assert " = " in text
    assert all(f"\n{backend} " in text for backend in BACKENDS)
    assert "parameters" in text


def test_gru_shows_both_variants() -> None:
    text = answer("cells", "--kind", "gru")
    assert "R_n h_{t-1} + b_Rn" in text
    assert "R_n (r ∘ h_{t-1})" in text


def test_cells_that_need_more_than_text_have_a_remark() -> None:
    text = " ".join(answer("cells").split())
    assert text.count("not for text: needs ") == 2
    assert "not for text: needs the time" in text


def test_an_impossible_size_has_a_reason() -> None:
    (cell,) = cells("--kind", "xlstm", "--hidden-size", 3).values()
    assert cell["parameters"] is None
    assert cell["problem"]
    assert cell["problem"] in answer("cells", "--kind", "xlstm", "--hidden-size", 3)
    assert "lstm" in cells("--hidden-size", 3)


def test_an_unknown_kind_suggests_the_nearest() -> None:
    error = refusal("cells", "--kind", "grus")
    assert 'no cell of kind "grus"' in error
    assert 'did you mean "gru"?' in error
