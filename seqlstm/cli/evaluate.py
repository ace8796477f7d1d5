"""`seqlstm evaluate`: scores that can be published."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from seqlstm.cli.arguments import (
    Batch,
    Device,
    Precision,
    Run,
    Streams,
    Weights,
    WhichPrecision,
    WhichWeights,
)
from seqlstm.cli.console import note, out, table, write
from seqlstm.errors import ArgumentError


def evaluate(
    run: Run,
    split: Annotated[
        str, typer.Option(help="Which split; several with +, as in validation+test.")
    ] = "test",
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="Other data than the recipe's, with the same columns, or files by split: "
            '`\'{test = ["a.en", "a.de"]}\'`. Given several times, each is scored.'
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep a translator's translations.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    lowercase: Annotated[
        bool, typer.Option("--lowercase", help="State BLEU and chrF of lower-cased text too.")
    ] = False,
    width: Annotated[
        int | None, typer.Option(min=1, help="Of a translator's beam; 1 is greedy.")
    ] = None,
    length_penalty: Annotated[
        float | None, typer.Option(min=0, help="GNMT's alpha; 0 for none.")
    ] = None,
    batch: Batch = None,
    streams: Streams = None,
    weights: WhichWeights = Weights.best,
    device: Device = "auto",
    precision: WhichPrecision = Precision.float32,
) -> None:
    """Score a run on held-out text, with signatures.

    A translator: BLEU, chrF and TER, as sacreBLEU computes them on detokenised text, and the share
    of exact matches. A language model: perplexity per token and word and bits per byte.
    """
    from seqlstm.recipe.evaluate import evaluate_each

    sources: list[str | None] = [*source] if source else [None]
    refuse_repeated(sources)
    if output:
        if len(sources) > 1:
            raise ArgumentError(
                f"--output keeps the translations of one source, not {len(sources)}"
            )
        prepare(output)
    found = evaluate_each(
        run,
        sources,
        split=split,
        width=width,
        length_penalty=length_penalty,
        batch=batch,
        streams=streams,
        lowercase=lowercase,
        weights=weights.value,
        device=device,
        precision=precision.value,
        translations=output is not None,
    )
    if output:
        keep(found[0].translations or [], output)
    by_set = {name or "": one.values for name, one in zip(sources, found, strict=True)}
    if as_json:
        values = finite(found[0].values) if len(found) == 1 else together(by_set)
        write(json.dumps(values, ensure_ascii=False))
    else:
        show(by_set)


def refuse_repeated(sources: list[str | None]) -> None:
    for source, count in Counter(sources).items():
        if count > 1:
            raise ArgumentError(f"--source names {source} more than once")


def prepare(output: Path) -> None:
    """Learn that a file cannot be written before, not after, minutes of translation."""
    existed = output.exists()
    try:
        output.touch()
        if not existed:
            output.unlink()
    except OSError as error:
        raise ArgumentError(f"{output} cannot be written: {error.strerror}") from error


def keep(translations: list[str], file: Path) -> None:
    """Write translations, a line each."""
    file.write_text("".join(f"{line}\n" for line in translations), encoding="utf-8")


def finite(values: dict[str, Any]) -> dict[str, Any]:
    """JSON knows finite numbers only: a perplexity that no float holds is null."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in values.items()
    }


def together(by_set: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The values of several sets as one object, signatures once where they are the same."""
    signed = [signatures(values) for values in by_set.values()]
    if any(one != signed[0] for one in signed):
        return {"sets": {name: finite(values) for name, values in by_set.items()}}
    sets = {name: finite(scores(values)) for name, values in by_set.items()}
    first = next(iter(by_set.values()))
    key = "signature" if "signature" in first else "signatures"
    return {"sets": sets, key: first[key]}


def scores(values: dict[str, Any]) -> dict[str, Any]:
    """All but the signatures."""
    return {name: value for name, value in values.items() if not name.startswith("signature")}


def signatures(values: dict[str, Any]) -> dict[str, str]:
    """By the name of what they say more of; a language model's one has none."""
    found: dict[str, str] = values.get("signatures") or {"": values["signature"]}
    return found


def show(by_set: dict[str, dict[str, Any]]) -> None:
    """Values in a table, a column for each set, and signatures below it."""
    names = [*by_set] if len(by_set) > 1 else ["value"]
    shown = table("score", *map(escape, names))
    for column in shown.columns[1:]:
        column.justify = "right"
    for name in scores(next(iter(by_set.values()))):
        shown.add_row(name.replace("_", " "), *(said(one[name]) for one in by_set.values()))
    out.print(shown)
    every = [pair for values in by_set.values() for pair in signatures(values).items()]
    for name, signature in dict.fromkeys(every):
        note(f"{name} {signature}".strip())


def said(value: float) -> str:
    return f"{value:,.4f}" if isinstance(value, float) else f"{value:,}"
