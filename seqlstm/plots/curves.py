"""Training curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seqlstm.errors import ArgumentError
from seqlstm.plots.figures import drawing_errors, empty_figure, save

Curves = dict[str, dict[str, tuple[list[int], list[float]]]]
"""By name of the value and by label, the steps and the values of a curve."""

LABELS = {"step": "training", "validation": "validation"}
TRAINING = ("loss", "learning_rate")  # the values of a training step that are plotted


def plot_curves(log: list[dict[str, Any]], file: Path) -> None:
    """Plot training loss, validation scores and learning rate over steps, in a panel each.

    Raises:
        ArgumentError: the log has no value yet, or matplotlib cannot write such a file.
    """
    curves = curves_of(log)
    if not curves:
        raise ArgumentError("the run has no curve yet: it has not logged a step")
    figure = empty_figure(7, 2.6 * len(curves))
    axes = figure.subplots(len(curves), squeeze=False)[:, 0]
    for axis, (name, lines) in zip(axes, curves.items(), strict=True):
        for label, (steps, values) in lines.items():
            single = len(steps) == 1  # visible only with a marker
            marker = "." if label == "validation" or single else None
            axis.plot(steps, values, label=label, marker=marker)
        axis.set(ylabel="learning rate" if name == "learning_rate" else name.replace("_", " "))
        axis.grid(alpha=0.3)
        axis.legend()
    axes[-1].set(xlabel="step")
    with drawing_errors(file):
        save([figure], file)


def curves_of(log: list[dict[str, Any]]) -> Curves:
    """The curves of training and validation by name of the value; the learning rate is last."""
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
