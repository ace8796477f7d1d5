"""`seqlstm evaluate`: scores that can be published."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqlstm.cli.arguments import Device, Precision, Run, Weights, WhichPrecision, WhichWeights
from seqlstm.cli.console import note, out, table, write
from seqlstm.errors import ArgumentError

if TYPE_CHECKING:
    from seqlstm.recipe.evaluate import Evaluation


def evaluate(
    run: Run,
    split: Annotated[
        str, typer.Option(help="Which split; several with +, as in validation+test.")
    ] = "test",
    source: Annotated[
        str | None, typer.Option(help="Other data than the recipe's, with the same columns.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep a translator's translations.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    width: Annotated[
        int | None, typer.Option(min=1, help="Of a translator's beam; 1 is greedy.")
    ] = None,
    length_penalty: Annotated[
        float | None, typer.Option(min=0, help="GNMT's alpha; 0 for none.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Sentences that a translator reads at once: 64.")
    ] = None,
    streams: Annotated[
        int | None,
        typer.Option(min=1, help="Parts of a text read side by side: faster, each without a past."),
    ] = None,
    weights: WhichWeights = Weights.best,
    device: Device = "auto",
    precision: WhichPrecision = Precision.float32,
) -> None:
    """Score a run on held-out text, with signatures.

    A translator: BLEU, chrF and TER, as sacreBLEU computes them on detokenised text, and the share
    of exact matches. A language model: perplexity per token and word and bits per byte.
    """
    from seqlstm.recipe.evaluate import evaluate as measure

    if output:
        prepare(output)
    found = measure(
        run,
        split=split,
        source=source,
        width=width,
        length_penalty=length_penalty,
        batch=batch,
        streams=streams,
        weights=weights.value,
        device=device,
        precision=precision.value,
        translations=output is not None,
    )
    if output and found.translations is not None:
        output.write_text("".join(f"{line}\n" for line in found.translations), encoding="utf-8")
    if as_json:
        write(json.dumps(finite(found.values), ensure_ascii=False))
    else:
        show(found)


def prepare(output: Path) -> None:
    """Learn that a file cannot be written before, not after, minutes of translation."""
    existed = output.exists()
    try:
        output.touch()
        if not existed:
            output.unlink()
    except OSError as error:
        raise ArgumentError(f"{output} cannot be written: {error.strerror}") from error


def finite(values: dict[str, Any]) -> dict[str, Any]:
    """JSON knows finite numbers only: a perplexity that no float holds is null."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in values.items()
    }


def show(found: Evaluation) -> None:
    """Values in a table, signatures below it."""
    shown = table("score", "value")
    shown.columns[1].justify = "right"
    signatures = {}
    for name, value in found.values.items():
        if name == "signatures":
            signatures = value
        elif name == "signature":
            signatures = {"": value}
        else:
            label = name.replace("_", " ")
            shown.add_row(label, f"{value:,.4f}" if isinstance(value, float) else f"{value:,}")
    out.print(shown)
    for name, signature in signatures.items():
        note(f"{name} {signature}".strip())
