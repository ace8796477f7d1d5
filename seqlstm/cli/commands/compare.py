"""`seqlstm compare`: whether one run is better than another."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from seqlstm.cli.commands.evaluate import finite, keep
from seqlstm.cli.console import note, out, table, write
from seqlstm.cli.options import (
    Batch,
    Device,
    PrecisionChoice,
    Streams,
    WeightsChoice,
    WhichPrecision,
    WhichWeights,
)
from seqlstm.errors import ArgumentError

if TYPE_CHECKING:
    from seqlstm.evaluation.significance import SystemScore
    from seqlstm.recipe.tasks.base import ComparedRuns


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="Run folders; the first is that to beat."),
    ],
    split: Annotated[
        str, typer.Option(help="Which split; several with +, as in validation+test.")
    ] = "test",
    source: Annotated[
        str | None,
        typer.Option(help="Other data than the first run's, as for `evaluate`."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep each translator's translations: DIR/1-RUN.txt, …"),
    ] = None,
    resamples: Annotated[
        int, typer.Option(min=1, help="How often the rows of the test set are drawn anew.")
    ] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    beam_size: Annotated[
        int | None,
        typer.Option(min=1, help="Of every search, instead of its recipe's; 1 is greedy."),
    ] = None,
    length_penalty: Annotated[
        float | None, typer.Option(min=0, help="GNMT's alpha, likewise; 0 for none.")
    ] = None,
    batch: Batch = None,
    streams: Streams = None,
    weights: WhichWeights = WeightsChoice.best,
    device: Device = "auto",
    precision: WhichPrecision = PrecisionChoice.float32,
) -> None:
    """Compare runs on one test set: each further one with the first, by a paired bootstrap.

    Translators: sacreBLEU's test of BLEU, chrF and TER. Language models: bits per byte, over
    documents or lines. Each p is of one run against the first, not corrected for the number of
    runs; none is given where scores are equal. To compare over seeds: `seqlstm sweep`.
    """
    from seqlstm.recipe.compare import compare as measure

    if output:
        prepare_folder(output)
    found = measure(
        runs,
        split=split,
        source=source,
        beam_size=beam_size,
        length_penalty=length_penalty,
        batch=batch,
        streams=streams,
        resamples=resamples,
        output=output is not None,
        weights=weights.value,
        device=device,
        precision=precision.value,
    )
    if output:
        keep_all(found.translations, output)
    if as_json:
        write(json.dumps(as_object(found), ensure_ascii=False))
    else:
        show(found)


def prepare_folder(output: Path) -> None:
    """Learn that a folder cannot be made before, not after, minutes of translation."""
    existed = output.is_dir()
    try:
        output.mkdir(exist_ok=True)
        if not existed:
            output.rmdir()
    except OSError as error:
        raise ArgumentError(f"{output} cannot be made: {error.strerror}") from error


def keep_all(translations: dict[str, list[str]], output: Path) -> None:
    """Write each run's translations, numbered: runs in two folders may have one name."""
    output.mkdir(exist_ok=True)
    for number, (run, lines) in enumerate(translations.items(), 1):
        keep(lines, output / f"{number}-{Path(run).resolve().name}.txt")


def as_object(found: ComparedRuns) -> dict[str, Any]:
    standings = found.comparison.scores
    return {
        "rows": found.rows,
        "runs": {
            run: {name: finite(asdict(one)) for name, one in standings[run].items()}
            | {"signature": how}
            for run, how in found.signatures.items()
        },
        "signatures": found.comparison.signatures,
    }


def show(found: ComparedRuns) -> None:
    """A line for every run and score, signatures below."""
    standings, signatures = found.comparison.scores, found.comparison.signatures
    shown = table("score", "run", "value", "mean ± 95 %", "difference", "p")
    for column in shown.columns[2:]:
        column.justify = "right"
    for name in signatures:
        for number, (run, scores) in enumerate(standings.items()):
            label = "" if number else name.replace("_", " ")
            shown.add_row(label, escape(run), *cells(scores[name]))
    out.print(shown)
    for name, signature in [*signatures.items(), *found.signatures.items()]:
        note(f"{name} {signature}")


def cells(one: SystemScore) -> tuple[str, ...]:
    difference = "" if one.difference is None else f"{one.difference:+.4f}"
    if one.difference_ci is not None:
        difference += f" ± {one.difference_ci:.4f}"
    p = "" if one.p is None else f"{one.p:.4f}"
    return f"{one.score:.4f}", f"{one.mean:.4f} ± {one.ci:.4f}", difference, p
