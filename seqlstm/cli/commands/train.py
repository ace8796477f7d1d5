"""`seqlstm train`: train a recipe in a run folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from seqlstm.cli.console import err, note, show_summary, warn
from seqlstm.cli.failures import stopped_code
from seqlstm.cli.options import Overrides, Recipe
from seqlstm.errors import ArgumentError

if TYPE_CHECKING:
    from seqlstm.training.progress import TrainingReport

SECONDS_BETWEEN_LINES = 5.0  # of progress, without a terminal


def train(
    recipe: Recipe,
    overrides: Overrides = None,
    run: Annotated[
        Path | None,
        typer.Option("--run", metavar="DIR", help="The run folder; default: runs/RECIPE."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from the folder's last checkpoint.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the run in the folder.")
    ] = False,
    minutes: Annotated[
        float | None, typer.Option("--minutes", metavar="N", help="End after N minutes.")
    ] = None,
    origin: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="RUN", help="Start from another run's weights and tokenizer."
        ),
    ] = None,
) -> None:
    """Train a recipe: a translator or a language model.

    The run folder has all files to use, resume and reproduce the run. Ctrl-C saves and stops; a
    second Ctrl-C stops at once. After any stop, `--resume` continues, and reaches the same weights,
    bit for bit, as a run without a stop (if the recipe counts steps or epochs, not minutes).
    """
    if resume and (overwrite or origin):
        raise ArgumentError(
            "--resume continues a run: it cannot be used with --overwrite or --from"
        )
    from seqlstm.recipe import train as training
    from seqlstm.recipe.read import read_recipe
    from seqlstm.runtime.signals import stop_on_signals

    settings = [
        *(overrides or []),
        *([f"training.minutes={minutes}"] if minutes is not None else []),
    ]
    resolved = read_recipe(recipe, settings)
    folder = run or Path("runs") / Path(recipe).stem
    note(f"reading {resolved.data.source}")
    if resume:
        prepared = training.resume(resolved, folder)
    else:
        prepared = training.start(resolved, folder, overwrite=overwrite, origin=origin)
    for line in prepared.notes:
        note(line)
    for line in prepared.warnings:
        warn(line)
    with stop_on_signals() as stop:
        reports = prepared.run(stop)
        end = show_bar(reports) if err.is_terminal else show_lines(reports)
    show_summary(
        f"{end.reason} after {end.step:,} steps, {end.epochs:.2f} epochs, {end.seconds:,.0f} s",
        f"seqlstm info {folder}",
    )
    if stop:
        raise typer.Exit(stopped_code(stop))


def show_bar(reports: Iterator[TrainingReport]) -> TrainingReport:
    """Show a progress bar with loss, speed and remaining time, and validations above it."""
    bar = Progress(
        BarColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        TextColumn("left", markup=False),
        TimeRemainingColumn(elapsed_when_finished=False),
        console=err,
    )
    smooth: dict[str, float] = {}
    with bar:
        task = bar.add_task("", total=1.0)
        for report in reports:
            if report.kind == "step":
                for key in ("loss", "tokens_per_second"):
                    value = report.values[key]
                    smooth[key] = 0.98 * smooth.get(key, value) + 0.02 * value
                text = f"step {report.step:,}  loss {smooth['loss']:.3f}"
                text += f"  {smooth['tokens_per_second']:,.0f} tokens/s"
                bar.update(task, completed=report.done, description=text)
            elif report.kind == "validation":
                bar.console.print(validation_line(report))
    return report


def show_lines(reports: Iterator[TrainingReport]) -> TrainingReport:
    """Print a line every few seconds and at every validation."""
    shown = 0.0
    for report in reports:
        if report.kind == "step" and report.seconds >= shown + SECONDS_BETWEEN_LINES:
            shown, values = report.seconds, report.values
            err.print(
                f"step {report.step:,}  loss {values['loss']:.3f}  "
                f"{values['tokens_per_second']:,.0f} tokens/s  {100 * report.done:.0f} %"
            )
        elif report.kind == "validation":
            shown = report.seconds
            err.print(validation_line(report))
    return report


def validation_line(report: TrainingReport) -> str:
    values = "  ".join(f"{name} {value:.4f}" for name, value in report.values.items())
    best = "  (best)" if report.best else ""
    return f"validation at step {report.step:,}: {values}{best}"
