"""`seqlstm info`: a summary of a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqlstm.cli.console import note, out, table, warn
from seqlstm.cli.options import Overwrite, Run
from seqlstm.cli.output_files import prepare_output, refuse_overwrite

if TYPE_CHECKING:
    from seqlstm.run.card import Card


def info(
    run: Run,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the training curves (.png, .svg, .pdf)."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Summarize a run: its model, data, training progress and validation scores."""
    from seqlstm.recipe.read import read_run_recipe
    from seqlstm.run.folder import RunFolder

    folder = RunFolder.open(run)
    refuse_overwrite(overwrite, plot, option="--plot")
    if plot:
        prepare_output(plot, overwrite=overwrite)
    recipe, log = read_run_recipe(folder), folder.read_log()
    card = folder.card_contents
    shown = table("", "")
    shown.show_header = False

    shown.add_row("task", recipe.task)
    shown.add_row("cell", f"{recipe.model.cell['kind']}, hidden {recipe.model.hidden_size_text}")
    for line in card.data.notes:
        shown.add_row("", line)
    for line in card.data.warnings:
        shown.add_row("warning", line)
    if log.reports:
        shown.add_row("trained", progress_line(log.reports[-1]))
    validations = [report for report in log.reports if report["kind"] == "validation"]
    for label, report in best_and_last(validations).items():
        values = "  ".join(f"{key} {value:.4f}" for key, value in report.get("values", {}).items())
        shown.add_row(label, f"step {report['step']:,}: {values}")
    packages = ", ".join(f"{name} {number}" for name, number in card.packages.items())
    shown.add_row("written by", f"seqlstm {card.seqlstm}, {packages}, Python {card.python}")
    for label, text in computed_on(card).items():
        shown.add_row(label, text)
    out.print(shown)
    if log.damaged:
        warn(f"{folder.log}: damaged lines were left out: {log.damaged:,}")
    if plot:
        from seqlstm.plots.curves import plot_curves

        plot_curves(log.reports, plot)
        note(f"curves: {plot}")


def computed_on(card: Card) -> dict[str, str]:
    """The machine, precision and backends of a run; older cards do not have them all."""
    parts = [card.machine, card.processor, f"{card.threads} threads"]
    lines = {"machine": ", ".join(part for part in parts if part)}
    if card.precision:
        kernels = "" if card.kernels else ", without compiled kernels"
        lines["precision"] = f"{card.precision} on {card.device}{kernels}"
    if card.backends:
        lines["backends"] = ", ".join(f"{layer} {name}" for layer, name in card.backends.items())
    return lines


def progress_line(line: dict[str, Any]) -> str:
    ended = f", {line['reason']}" if "reason" in line else ""
    return f"{line['step']:,} steps, {line['epochs']:.2f} epochs, {line['seconds']:,.0f} s{ended}"


def best_and_last(validations: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    best = [line for line in validations if line.get("best")]
    shown = {"best validation": best[-1]} if best else {}
    return shown | ({"last validation": validations[-1]} if validations else {})
