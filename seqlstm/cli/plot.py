"""A run's curves as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seqlstm.errors import ArgumentError


def plot_curves(log: list[dict[str, Any]], file: Path) -> None:
    """Training loss and every validation value over steps.

    Raises:
        ArgumentError: a picture of a kind that matplotlib cannot draw, or nothing to draw.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves = curves_of(log)
    if not curves:
        raise ArgumentError("the run has no curve yet: it has not logged a step")
    figure = Figure(figsize=(7, 2.6 * len(curves)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(curves), squeeze=False)[:, 0]
    for axis, (name, lines) in zip(axes, curves.items(), strict=True):
        for label, (steps, values) in lines.items():
            axis.plot(steps, values, label=label, marker="." if label == "validation" else None)
        axis.set(ylabel=name)
        axis.grid(alpha=0.3)
        axis.legend()
    axes[-1].set(xlabel="step")
    try:
        figure.savefig(file, dpi=120)
    except (ValueError, OSError) as error:
        raise ArgumentError(f"{file} cannot be drawn: {error}") from error


def curves_of(log: list[dict[str, Any]]) -> dict[str, dict[str, tuple[list[int], list[float]]]]:
    """By the name of the value, the curves to draw: training and validation."""
    curves: dict[str, dict[str, tuple[list[int], list[float]]]] = {}
    for line in log:
        if line["kind"] not in ("step", "validation"):
            continue
        label = "training" if line["kind"] == "step" else "validation"
        for name, value in line["values"].items():
            if label == "training" and name != "loss":
                continue
            steps, values = curves.setdefault(name, {}).setdefault(label, ([], []))
            steps.append(line["step"])
            values.append(value)
    return curves
