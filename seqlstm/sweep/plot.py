"""A plot of a sweep's scores."""

from __future__ import annotations

import io
import math
import statistics

from seqlstm.sweep.plan import SweepPlan
from seqlstm.sweep.statistics import VariantScores

ROW = 0.42  # inches
ROOM = 3  # interquartile ranges beyond the quartiles that the axis shows


def draw(plan: SweepPlan, rows: list[VariantScores]) -> bytes:
    """A PNG with a row for each combination: scores as dots, mean ± deviation as a bar.

    A dashed line marks the mean of each baseline across the rows that are compared with it. An
    outlying mean, which would compress the others, is written at the edge as a number.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 1.2 + ROW * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    minimum, maximum = limits([score for row in rows for score in row.scores])
    for height, row in enumerate(rows):
        dots = [score for score in row.scores if minimum <= score <= maximum]
        below = [height + 0.22] * len(dots)  # so that no dot hides the mean
        axis.plot(dots, below, "o", color="black", alpha=0.4, markersize=5)
        if row.mean is not None and minimum <= row.mean <= maximum:
            axis.errorbar(
                row.mean, height, xerr=row.deviation, fmt="D", color="tab:blue", capsize=4
            )
        elif row.mean is not None:
            side = "right" if row.mean > maximum else "left"
            place = (0.99 if side == "right" else 0.01, height)
            label = f"beyond: {row.mean:.4g}"
            axis.annotate(label, place, xycoords=("axes fraction", "data"), ha=side, va="center")
    for mean, bottom, top in baselines(rows):
        if not minimum <= mean <= maximum:
            continue
        axis.plot([mean, mean], [bottom - 0.4, top + 0.4], "--", color="tab:gray", zorder=1)
    axis.set_yticks(range(len(rows)), [row.combination.name for row in rows])
    axis.set_ylim(len(rows) - 0.4, -0.6)  # the first row at the top
    better = "less" if plan.sweep.less_is_better else "more"
    score = plan.sweep.score.replace("_", " ")
    axis.set(xlabel=f"{score} on {plan.sweep.split} ({better} is better)")
    axis.grid(axis="x", alpha=0.3)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()


def baselines(rows: list[VariantScores]) -> list[tuple[float, int, int]]:
    """Of each baseline: its mean, and the first and last row that are compared with it."""
    heights = {row.combination.name: height for height, row in enumerate(rows)}
    spans = []
    for row in rows:
        compared = [
            heights[one.combination.name]
            for one in rows
            if row.combination.name in (one.combination.name, one.baseline)
        ]
        if row.baseline is None and row.mean is not None and len(compared) > 1:
            spans.append((row.mean, min(compared), max(compared)))
    return spans


def limits(scores: list[float]) -> tuple[float, float]:
    """The range of the axis: smallest and largest score that are drawn."""
    finite = sorted(score for score in scores if math.isfinite(score))
    if len(finite) < 2:
        return -math.inf, math.inf
    first, _, third = statistics.quantiles(finite, n=4, method="inclusive")
    room = ROOM * (third - first)
    return (first - room, third + room) if room else (finite[0], finite[-1])
