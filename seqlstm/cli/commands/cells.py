"""`seqlstm cells`: the cells for a recipe's `model.cell`."""

from __future__ import annotations

import inspect
import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.text import Text

from seqlstm.cli.console import note, out, table, write
from seqlstm.errors import ArgumentError, nearest
from seqlstm.recipe.cells import CellInfo, describe, parts


def cells(
    input_size: Annotated[int, typer.Option(min=1, help="Features of the input.")] = 256,
    hidden_size: Annotated[int, typer.Option(min=1, help="Features of the hidden state.")] = 512,
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="Show this cell's equations, options and backends."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """List the cells that a recipe can use, with paper, options, parameters and backend.

    Parameters are counted for one layer. The backend is the one that serves a language model that
    carries its state, on this machine, in the precision that "auto" chooses.
    """
    from seqlstm.recipe.read import CATALOGUE

    known = CATALOGUE["cell"]
    if kind is not None and kind not in known:
        hint = nearest(kind, known) or f"Allowed are {', '.join(known)}."
        raise ArgumentError(f'no cell of kind "{kind}"', hint=hint)
    found = [describe(one, input_size, hidden_size) for one in ([kind] if kind else known)]
    if as_json:
        write(json.dumps([{**asdict(one), "backend": one.backend} for one in found]))
    elif kind:
        show(found[0], known[kind])
    else:
        show_all(found)


def show_all(kinds: list[CellInfo]) -> None:
    shown = table("kind", "paper, options, remark", "year", "parameters", "backend")
    shown.columns[3].justify = "right"
    for one in kinds:
        count = "—" if one.parameters is None else f"{one.parameters:,}"
        options = ", ".join(f"{name} = {value}" for name, value in one.option_texts.items())
        about = Text("\n".join(filter(None, [one.paper, options])))
        if one.remark:
            about.append(f"\n{one.remark}", "dim")
        shown.add_row(one.kind, about, str(one.year), count, one.backend)
    out.print(shown, soft_wrap=False)
    note("seqlstm cells --kind KIND shows one cell's equations.")


def show(one: CellInfo, make: Any) -> None:
    for part in dict.fromkeys([make, *parts(make)]):
        out.print(f"{inspect.getdoc(part)}\n")
    if one.options:
        options = table("option", "default first")
        for name, value in one.option_texts.items():
            options.add_row(name, value)
        out.print(options, soft_wrap=False)
        out.print()
    if one.problem:
        out.print(one.problem)
        return
    backends = table("backend", "why not")
    for name, reason in (one.backends or {}).items():
        backends.add_row(name, reason or "serves")
    out.print(backends, soft_wrap=False)
    out.print(f"\n{one.parameters:,} parameters")
    if one.needs:
        out.print(one.remark)
