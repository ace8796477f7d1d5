"""`seqlstm inspect`: what the units of a language model hold along a text."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqlstm.analysis.text_properties import PROPERTIES
from seqlstm.cli.console import note, out, table, write
from seqlstm.cli.inputs import text_of
from seqlstm.cli.options import (
    Device,
    PrecisionChoice,
    Run,
    WeightsChoice,
    WhichPrecision,
    WhichWeights,
    load_language_model,
)
from seqlstm.errors import ArgumentError, nearest

if TYPE_CHECKING:
    from seqlstm.analysis.units import TextActivations, UnitCorrelation
    from seqlstm.plots.shades import Strip

ALL = ", ".join(PROPERTIES)


def inspect(
    run: Run,
    text: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help="What to show; else --file or standard input."),
    ] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="Holds the text.")] = None,
    properties: Annotated[
        list[str] | None,
        typer.Option("--property", metavar="NAME", help=f"Of {ALL}. Repeatable; else all."),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="LAYER:UNIT",
            help="Show this one, counted from 1, of the memory c or else of h; "
            "LAYER:VECTOR:UNIT for another vector.",
        ),
    ] = None,
    best: Annotated[
        int | None, typer.Option(min=1, help="So many units for each property: 3.")
    ] = None,
    on: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Look for units in this text; else in the recipe's validation split.",
        ),
    ] = None,
    pieces: Annotated[int, typer.Option(min=1, help="Read so many of it, at most.")] = 50_000,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="PICTURE",
            help="Draw the text (.png, .svg, .pdf): up to 200 pieces as a heat map, more coloured.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    weights: WhichWeights = WeightsChoice.best,
    device: Device = "auto",
    precision: WhichPrecision = PrecisionChoice.float32,
) -> None:
    """See a language model's memory: the units that follow quotes, lines or brackets in a text.

    Units are ranked by their correlation in one half of a longer text; the table states that of
    the other half beside it. A terminal shows TEXT on the colours of the best of each property.
    """
    from seqlstm.analysis.units import activations_in_text

    names = chosen(properties)
    if unit is not None and best is not None:
        raise ArgumentError("--best cannot take effect with --unit, which names one")
    shown = text_to_show(text, file)
    loaded = load_language_model(
        run, weights=weights.value, device=device, precision=precision.value
    )
    rows, where = rows_to_read(run, on)
    found = activations_in_text(
        loaded, shown, rows, names=names, unit=unit, best=best or 3, max_pieces=pieces
    )
    if as_json:
        write(json.dumps(as_object(found, where), ensure_ascii=False))
    else:
        show(found, where)
    if plot:
        from seqlstm.plots.units import plot_units

        plot_units([*strips(found)], found.text.parts, plot)
        note(f"units: {plot}")
    elif out.is_terminal and not as_json:
        show_coloured(found)


def chosen(names: list[str] | None) -> list[str]:
    """Properties, each once, in their own order; all if none is named.

    Raises:
        ArgumentError: there is no such property.
    """
    for name in names or []:
        if name not in PROPERTIES:
            hint = nearest(name, PROPERTIES) or f"There are {ALL}."
            raise ArgumentError(f"{name} is no property", hint=hint)
    return [name for name in PROPERTIES if not names or name in names]


def text_to_show(text: str | None, file: Path | None) -> str:
    """The argument, a file, or standard input.

    Raises:
        ArgumentError: both, or nothing to show.
    """
    if text is not None and file is not None:
        raise ArgumentError("TEXT and --file cannot take effect together")
    if text is None and file is None and sys.stdin.isatty():
        raise ArgumentError("there is no text to show", hint="Name one: TEXT or --file FILE.")
    found = text if text is not None else text_of(file)
    if not found:
        raise ArgumentError("the text to show is empty")
    return found


def rows_to_read(run: Path, on: Path | None) -> tuple[Sequence[str], str]:
    """The text in which units are looked for, and its name."""
    from seqlstm.recipe.corpus import validation_rows

    if on is not None:
        return [text_of(on)], str(on)
    return validation_rows(run), "the validation split"


def show(found: TextActivations, where: str) -> None:
    """The units of each property in a table, and below it what the numbers are."""
    made = table("property", "unit", "correlation", "held out", "")
    for column in made.columns[2:4]:
        column.justify = "right"
    for name, followers in found.best_units.items():
        if not followers:
            made.add_row(name, "–", "–", "–", "constant there")
        for number, one in enumerate(followers):
            first = (name, PROPERTIES[name].meaning) if number == 0 else ("", "")
            made.add_row(
                first[0], str(one.unit), said(one.correlation), said(one.held_out), first[1]
            )
    out.print(made)
    ranked, held = found.survey.positions
    note(
        f"unit: layer:vector:number, counted from 1. correlation: Pearson's, on {ranked:,} pieces "
        f"of {where}, by which units are ranked; held out: on {held:,} others of it."
    )
    if found.survey.left_out:
        note(f"left out, being matrices: {', '.join(found.survey.left_out)}")


def said(correlation: float) -> str:
    return "–" if math.isnan(correlation) else f"{correlation:+.3f}"


def show_coloured(found: TextActivations) -> None:
    """The text once for each property, on the colours of the unit that follows it best."""
    from seqlstm.cli.interactive.unit_colours import coloured

    for one in found.leading:
        out.print(f"\n[bold]{one.property}[/bold]  {one.unit}  {said(one.correlation)}")
        out.print(coloured(found.text.parts, found.deviations(one.unit)))
    note("blue: below the unit's mean in this text; red: above")


def strips(found: TextActivations) -> Iterator[Strip]:
    """What a picture shows, property by property: how it goes, and the units that follow it."""
    from seqlstm.plots.shades import Strip

    for name, followers in found.best_units.items():
        drawn = [one for one in followers if found.unit is None or one in found.leading]
        if drawn:
            yield Strip(name, None, found.property_values(name))
        for one in drawn:
            yield Strip(name, one, found.deviations(one.unit))


def as_object(found: TextActivations, where: str) -> dict[str, Any]:
    """All of it, values of the text piece by piece included."""
    followers = [one for group in found.best_units.values() for one in group]
    return {
        "units": {name: [*map(of_follower, group)] for name, group in found.best_units.items()},
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


def of_follower(one: UnitCorrelation) -> dict[str, Any]:
    numbers = {"correlation": one.correlation, "held_out": one.held_out}
    unit = {"layer": one.unit.layer, "vector": one.unit.vector, "number": one.unit.number}
    return {
        "unit": str(one.unit),
        **unit,
        **{name: None if math.isnan(value) else value for name, value in numbers.items()},
    }
