"""`seqlstm info`: a summary of a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from seqlstm.cli.console import note, out, table
from seqlstm.cli.options import Overwrite, Run
from seqlstm.cli.output_files import prepare_output


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
    if plot:
        prepare_output(plot, overwrite=overwrite)
    recipe, card, log = read_run_recipe(folder), folder.read_card(), folder.read_log()
    validations = [line for line in log if line["kind"] == "validation"]
    shown = table("", "")
    shown.show_header = False
    shown.add_row("task", recipe.task)
    shown.add_row("cell", f"{recipe.model.cell['kind']}, hidden {recipe.model.hidden_size_text}")
    for line in card.get("data", {}).get("notes", []):
        shown.add_row("", line)
    for line in card.get("data", {}).get("warnings", []):
        shown.add_row("warning", line)
    if log:
        shown.add_row("trained", progress_line(log[-1]))
    for label, line in best_and_last(validations).items():
        values = "  ".join(f"{name} {value:.4f}" for name, value in line["values"].items())
        shown.add_row(label, f"step {line['step']:,}: {values}")
    shown.add_row("written by", f"seqlstm {card['seqlstm']}, torch {card['packages']['torch']}")
    shown.add_row("machine", f"{card['machine']}, {card['threads']} threads")
    out.print(shown)
    if plot:
        from seqlstm.plots.curves import plot_curves

        plot_curves(log, plot)
        note(f"curves: {plot}")


def progress_line(line: dict[str, Any]) -> str:
    ended = f", {line['reason']}" if "reason" in line else ""
    return f"{line['step']:,} steps, {line['epochs']:.2f} epochs, {line['seconds']:,.0f} s{ended}"


def best_and_last(validations: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    best = [line for line in validations if line.get("best")]
    shown = {"best validation": best[-1]} if best else {}
    return shown | ({"last validation": validations[-1]} if validations else {})
