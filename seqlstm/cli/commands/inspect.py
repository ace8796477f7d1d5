"""`seqlstm inspect`: activations of a language model's units along a text."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from seqlstm.analysis.text_properties import PROPERTIES
from seqlstm.cli.console import note, out, table, write
from seqlstm.cli.inputs import text_of
from seqlstm.cli.options import (
    Device,
    Overwrite,
    PrecisionChoice,
    Run,
    WeightsChoice,
    WhichPrecision,
    WhichWeights,
    load_language_model,
)
from seqlstm.cli.output_files import prepare_output, refuse_overwrite
from seqlstm.errors import ArgumentError, nearest
from seqlstm.runtime.finite_json import finite_json
from seqlstm.runtime.text_input import as_in_file

if TYPE_CHECKING:
    from seqlstm.analysis.units import TextActivations, UnitCorrelation
    from seqlstm.plots.shades import Strip

ALL = ", ".join(PROPERTIES)


def inspect(
    run: Run,
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="[TEXT]", help="The text to show; default: --file or standard input."
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with the text to show.")
    ] = None,
    properties: Annotated[
        list[str] | None,
        typer.Option("--property", metavar="NAME", help=f"One of {ALL}. Repeatable; default: all."),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="LAYER:UNIT",
            help="Show this unit, counted from 1, of the cell state c (of h if there is no c); "
            "LAYER:VECTOR:UNIT for another vector.",
        ),
    ] = None,
    best: Annotated[int | None, typer.Option(min=1, help="Units for each property: 3.")] = None,
    on: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Rank the units on this text; default: the recipe's validation split.",
        ),
    ] = None,
    pieces: Annotated[
        int, typer.Option(min=1, help="Maximal length of that text, in pieces.")
    ] = 50_000,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="PICTURE",
            help="Draw the text (.png, .svg, .pdf): up to 200 pieces as a heat map, else as "
            "coloured text.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    weights: WhichWeights = WeightsChoice.best,
    device: Device = "auto",
    precision: WhichPrecision = PrecisionChoice.float32,
) -> None:
    """Find the units of a language model that follow quotes, lines or brackets in a text.

    Units are ranked by their correlation with a property on one half of a longer text; the table
    also has the correlation on the other half. A terminal shows TEXT coloured by the best units.
    """
    from seqlstm.analysis.units import activations_in_text

    names = selected_properties(properties)
    if unit is not None and best is not None:
        raise ArgumentError("--best cannot take effect with --unit, which selects one unit")
    content = text_to_show(text, file)
    refuse_overwrite(overwrite, plot, option="--plot")
    if plot:
        prepare_output(plot, overwrite=overwrite)
    loaded = load_language_model(
        run, weights=weights.value, device=device, precision=precision.value
    )
    rows, where = rows_to_read(run, on)
    activations = activations_in_text(
        loaded, content, rows, names=names, unit=unit, best=best or 3, max_pieces=pieces
    )
    if as_json:
        write(json.dumps(as_object(activations, where), ensure_ascii=False))
    else:
        show(activations, where)
    if plot:
        from seqlstm.plots.units import plot_units

        plot_units([*strips(activations)], activations.text.parts, plot)
        note(f"units: {plot}")
    elif out.is_terminal and not as_json:
        show_coloured(activations)


def selected_properties(names: list[str] | None) -> list[str]:
    """The named properties without repetition, in their standard order; all for no name.

    Raises:
        ArgumentError: there is no such property.
    """
    for name in names or []:
        if name not in PROPERTIES:
            hint = nearest(name, PROPERTIES) or f"Allowed are {ALL}."
            raise ArgumentError(f"there is no property {name}", hint=hint)
    return [name for name in PROPERTIES if not names or name in names]


def text_to_show(text: str | None, file: Path | None) -> str:
    """The text of the argument, of a file, or of standard input.

    Raises:
        ArgumentError: both are set, or there is no text.
    """
    if text is not None and file is not None:
        raise ArgumentError("TEXT and --file cannot take effect together")
    if text is None and file is None and sys.stdin.isatty():
        raise ArgumentError("there is no text to show", hint="Use TEXT or --file FILE.")
    content = as_in_file(text) if text is not None else text_of(file)
    if not content:
        raise ArgumentError("the text to show is empty")
    return content


def rows_to_read(run: Path, on: Path | None) -> tuple[Sequence[str], str]:
    """The text on which units are ranked, and its name."""
    from seqlstm.recipe.corpus import validation_rows

    if on is not None:
        return [text_of(on)], str(on)
    return validation_rows(run), "the validation split"


def show(found: TextActivations, where: str) -> None:
    """Print a table of the units of each property, and the meaning of the numbers below."""
    shown = table("property", "unit", "correlation", "held out", "")
    for column in shown.columns[2:4]:
        column.justify = "right"
    for name, followers in found.best_units.items():
        if not followers:
            shown.add_row(name, "–", "–", "–", "constant in the text")
        for index, follower in enumerate(followers):
            label, meaning = ("", "") if index else (name, PROPERTIES[name].meaning)
            numbers = map(signed, (follower.correlation, follower.held_out))
            shown.add_row(label, str(follower.unit), *numbers, meaning)
    out.print(shown)
    ranked, held = found.survey.positions
    note(
        f"unit: layer:vector:number, counted from 1. correlation: Pearson's, on {ranked:,} pieces "
        f"of {where}, which rank the units; held out: on {held:,} others of it."
    )
    if found.survey.left_out:
        note(f"left out, because they are matrices: {', '.join(found.survey.left_out)}")


def signed(correlation: float) -> str:
    return "–" if math.isnan(correlation) else f"{correlation:+.3f}"


def show_coloured(found: TextActivations) -> None:
    """Print the text once for each property, coloured by the unit that follows it best."""
    from seqlstm.cli.interactive.unit_colours import coloured

    for one in found.leading:
        heading = f"  {one.unit}  {signed(one.correlation)}"
        out.print(Text.assemble("\n", (one.property, "bold"), heading))
        out.print(coloured(found.text.parts, found.deviations(one.unit)))
    note("blue: below the unit's mean in this text; red: above")


def strips(found: TextActivations) -> Iterator[Strip]:
    """The rows of a picture: each property, then the units that follow it."""
    from seqlstm.plots.shades import Strip

    for name, followers in found.best_units.items():
        selected = [one for one in followers if found.unit is None or one in found.leading]
        if selected:
            yield Strip(name, None, found.property_values(name))
        for follower in selected:
            yield Strip(name, follower, found.deviations(follower.unit))


def as_object(found: TextActivations, where: str) -> dict[str, Any]:
    """The JSON object: units, and the values of each piece of the text."""
    followers = [one for group in found.best_units.values() for one in group]
    return {
        "units": {name: [*map(follower_object, group)] for name, group in found.best_units.items()},
        "left_out": found.survey.left_out,
        "read": {
            "text": where,
            "ranked": found.survey.positions[0],
            "held_out": found.survey.positions[1],
        },
        "text": {
            "pieces": found.text.parts,
            "properties": {name: found.property_values(name) for name in found.best_units},
            "activations": {str(one.unit): found.activations[one.unit] for one in followers},
        },
    }


def follower_object(follower: UnitCorrelation) -> dict[str, Any]:
    unit = follower.unit
    return {
        "unit": str(unit),
        "layer": unit.layer,
        "vector": unit.vector,
        "number": unit.number,
        "correlation": finite_json(follower.correlation),
        "held_out": finite_json(follower.held_out),
    }
