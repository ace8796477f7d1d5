"""Training curves and attention heat maps: contents, sizes, file types."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlstm.errors import ArgumentError
from seqlstm.plots.attention import attention_figure, plot_attention
from seqlstm.plots.curves import curves_of, plot_curves
from seqlstm.run.folder import RunFolder
from tests.runs import answer


def line(kind: str, step: int, **values: float) -> dict[str, Any]:
    return {"kind": kind, "step": step, "values": values}


LOG = [
    line("step", 20, loss=4.0, learning_rate=0.1, gradient_norm=1.0, tokens_per_second=9.0),
    line("validation", 30, loss=3.5, bleu=1.0),
    line("step", 40, loss=3.0, learning_rate=0.2, gradient_norm=1.0, tokens_per_second=9.0),
    line("validation", 60, loss=2.5, bleu=7.0),
    line("step", 60, loss=2.0, learning_rate=0.1, gradient_norm=1.0, tokens_per_second=9.0),
    line("validation", 90, loss=2.6, bleu=8.0),
    {"kind": "end", "step": 90, "reason": "as planned"},
]


def size_of(picture: Path) -> tuple[int, int]:
    """Width and height, from the header of a PNG."""
    head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert head[12:16] == b"IHDR"
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def pages_of(picture: Path) -> int:
    content = picture.read_bytes()
    assert content.startswith(b"%PDF-")
    return len(re.findall(rb"/Type /Page\b", content))


class TestCurves:
    def test_each_value_has_a_panel_and_the_learning_rate_is_last(self) -> None:
        assert list(curves_of(LOG)) == ["loss", "bleu", "learning_rate"]
        assert curves_of(LOG) == {
            "loss": {
                "training": ([20, 40, 60], [4.0, 3.0, 2.0]),
                "validation": ([30, 60, 90], [3.5, 2.5, 2.6]),
            },
            "bleu": {"validation": ([30, 60, 90], [1.0, 7.0, 8.0])},
            "learning_rate": {"training": ([20, 40, 60], [0.1, 0.2, 0.1])},
        }

    def test_the_height_follows_the_number_of_panels(self, tmp_path: Path) -> None:
        plot_curves(LOG, tmp_path / "three.png")
        plot_curves([LOG[1]], tmp_path / "two.png")
        width, height = size_of(tmp_path / "three.png")
        assert size_of(tmp_path / "two.png") == (width, height * 2 // 3)

    def test_a_run_of_several_validations(self, translator: Path, tmp_path: Path) -> None:
        log = RunFolder.open(translator).read_log().reports
        validations = [one for one in log if one["kind"] == "validation"]
        assert len(validations) == 3
        curves = curves_of(log)
        assert list(curves) == ["loss", "learning_rate"]
        losses = [one["values"]["loss"] for one in validations]
        assert curves["loss"]["validation"] == ([20, 40, 60], losses)
        assert curves["learning_rate"]["training"] == ([20, 40, 60], [2e-2] * 3)
        answer("info", translator, "--plot", tmp_path / "curves.png")
        assert size_of(tmp_path / "curves.png") == (840, 624)

    def test_a_picture_has_all_names(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import matplotlib

        monkeypatch.setitem(matplotlib.rcParams, "svg.fonttype", "none")
        plot_curves(LOG, tmp_path / "curves.svg")
        text = (tmp_path / "curves.svg").read_text(encoding="utf-8")
        for name in ("loss", "bleu", "learning rate", "step", "training", "validation"):
            assert f">{name}</text>" in text


SOURCE = [["▁the", "▁cat", "</s>"], ["▁$x", "▁y$", "\n", "</s>"]]
TARGET = [["▁die", "▁Katze", "</s>"], ["▁$", "</s>"]]


def weights_of(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(len(shape))
    return torch.rand(*shape, generator=generator).softmax(-1)


WEIGHTS = [weights_of(3, 3), weights_of(2, 2, 4)]


def draw(file: Path, weights: list[Any] = WEIGHTS) -> Path:
    plot_attention(weights, source_pieces=SOURCE, target_pieces=TARGET, file=file)
    return file


class TestAttention:
    def test_the_mean_over_the_heads_is_drawn(self) -> None:
        maps = [(WEIGHTS[0].unsqueeze(0), SOURCE[0], TARGET[0]), (WEIGHTS[1], SOURCE[1], TARGET[1])]
        panels = [axis for axis in attention_figure(maps).axes if axis.images]
        for axis, weights in zip(panels, (WEIGHTS[0], WEIGHTS[1].mean(0)), strict=True):
            image = torch.tensor(axis.images[0].get_array().tolist())
            assert torch.allclose(image, weights)
            assert axis.images[0].get_clim() == (0, 1)
        rows = [[label.get_text() for label in axis.get_yticklabels()] for axis in panels]
        columns = [[label.get_text() for label in axis.get_xticklabels()] for axis in panels]
        assert rows == TARGET
        assert columns == [SOURCE[0], ["▁$x", "▁y$", "\\n", "</s>"]]

    def test_every_piece_has_its_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import matplotlib

        monkeypatch.setitem(matplotlib.rcParams, "svg.fonttype", "none")
        text = draw(tmp_path / "maps.svg").read_text(encoding="utf-8")
        for piece in ("▁cat", "▁Katze", "▁$x", "▁y$", "\\n", "weight", "weight, mean of 2 heads"):
            assert f">{piece}</text>" in text

    def test_a_picture_grows_with_its_pieces(self, tmp_path: Path) -> None:
        def size(source: int, target: int) -> tuple[int, int]:
            pieces = {"source_pieces": [["▁x"] * source], "target_pieces": [["▁y"] * target]}
            plot_attention([weights_of(target, source)], **pieces, file=tmp_path / "one.png")
            return size_of(tmp_path / "one.png")

        (width, height), (wider, same), (_, higher) = size(5, 5), size(60, 5), size(5, 60)
        assert (width, height) == (width, same)
        for grown in (wider - width, higher - height):
            assert grown == pytest.approx(55 * 0.22 * 120, abs=2)

    def test_a_panel_or_a_page_for_each_sentence(self, tmp_path: Path) -> None:
        _, height = size_of(draw(tmp_path / "maps.png"))
        assert height == pytest.approx((2 * 1.8 + 5 * 0.22) * 120, abs=2)
        assert pages_of(draw(tmp_path / "maps.pdf")) == 2

    def test_lists_equal_tensors(self, tmp_path: Path) -> None:
        one = draw(tmp_path / "tensors.png").read_bytes()
        other = draw(tmp_path / "lists.png", [one.tolist() for one in WEIGHTS]).read_bytes()
        assert one == other

    def test_pictures_that_cannot_be_drawn(self, tmp_path: Path) -> None:
        with pytest.raises(ArgumentError, match="cannot be drawn"):
            draw(tmp_path / "maps.xyz")
        with pytest.raises(ArgumentError, match="cannot be drawn"):
            draw(tmp_path / "nowhere" / "maps.pdf")
        with pytest.raises(ValueError, match=r"weights must be \(…, 3, 3\), were: \[3, 4\]"):
            draw(tmp_path / "maps.png", [weights_of(3, 4), WEIGHTS[1]])
        with pytest.raises(ValueError, match="must be a sentence"):
            plot_attention([], source_pieces=[], target_pieces=[], file=tmp_path / "x.png")
