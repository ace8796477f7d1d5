"""Training curves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlstm.errors import ArgumentError

if TYPE_CHECKING:
    pass
from seqlstm.plots.figures import drawn_into, empty_figure

Curves = dict[str, dict[str, tuple[list[int], list[float]]]]


LABELS = {"step": "training", "validation": "validation"}


TRAINING = ("loss", "learning_rate")  # what is drawn of a step's values


def plot_curves(log: list[dict[str, Any]], file: Path) -> None:
    """Training loss, every validation value and the learning rate over steps, a panel each.

    Raises:
        ArgumentError: a picture of a kind that matplotlib cannot draw, or nothing to draw.
    """
    curves = curves_of(log)
    if not curves:
        raise ArgumentError("the run has no curve yet: it has not logged a step")
    figure = empty_figure(7, 2.6 * len(curves))
    axes = figure.subplots(len(curves), squeeze=False)[:, 0]
    for axis, (name, lines) in zip(axes, curves.items(), strict=True):
        for label, (steps, values) in lines.items():
            alone = len(steps) == 1  # a line of one point is none
            marker = "." if label == "validation" or alone else None
            axis.plot(steps, values, label=label, marker=marker)
        axis.set(ylabel="learning rate" if name == "learning_rate" else name.replace("_", " "))
        axis.grid(alpha=0.3)
        axis.legend()
    axes[-1].set(xlabel="step")
    with drawn_into(file):
        figure.savefig(file, dpi=120)


def curves_of(log: list[dict[str, Any]]) -> Curves:
    """By the name of the value, the curves to draw: training and validation; the rate is last."""
    curves: Curves = {}
    for line in log:
        for name, value in line.get("values", {}).items():
            if line["kind"] not in LABELS or (line["kind"] == "step" and name not in TRAINING):
                continue
            lines = curves.setdefault(name, {})
            steps, values = lines.setdefault(LABELS[line["kind"]], ([], []))
            steps.append(line["step"])
            values.append(value)
    return dict(sorted(curves.items(), key=lambda item: item[0] == "learning_rate"))
