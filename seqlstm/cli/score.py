"""`seqlstm score`: how probable a text is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seqlstm.cli.arguments import (
    Device,
    Precision,
    Run,
    Weights,
    WhichPrecision,
    WhichWeights,
    load_any,
)
from seqlstm.cli.console import write
from seqlstm.cli.inputs import in_groups, lines_of
from seqlstm.errors import DataError


def score(
    run: Run,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="Lines; for a translator pairs, source and target with a tab between them. "
            "Else standard input.",
        ),
    ] = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Below each line, its pieces and their surprisal.")
    ] = False,
    batch: Annotated[int, typer.Option(min=1, help="Lines at once.")] = 64,
    weights: WhichWeights = Weights.best,
    device: Device = "auto",
    precision: WhichPrecision = Precision.float32,
) -> None:
    """How probable each line is: log-probability (nats), perplexity, surprisal (bits), the line.

    Columns have tabs between them. A line counts by itself, with what ends it; perplexity is per
    piece. `--tokens` adds a line for each piece: a tab, its surprisal, a tab, the piece.
    """
    loaded = load_any(run, weights=weights.value, device=device, precision=precision.value)
    number = 0
    for lines in in_groups(lines_of(file), batch):
        if loaded.task == "translation":
            pairs = [pair(line, number + index) for index, line in enumerate(lines, 1)]
            found = loaded.score(pairs)  # type: ignore[arg-type]
        else:
            found = loaded.score(lines)  # type: ignore[arg-type]
        number += len(lines)
        for line, one in zip(lines, found, strict=True):
            write(f"{one.log_probability:.4f}\t{one.perplexity:.4g}\t{one.surprisal:.4f}\t{line}")
            if tokens:
                for piece, surprisal in zip(one.pieces, one.surprisals, strict=True):
                    write(f"\t{surprisal:.4f}\t{piece}".replace("\n", "\\n"))


def pair(line: str, number: int) -> tuple[str, str]:
    parts = line.split("\t")
    if len(parts) != 2:
        raise DataError(
            f"line {number} has {len(parts)} columns",
            hint="A translator scores pairs: source, a tab, target.",
        )
    return parts[0], parts[1]
