"""`seqlstm compare`: whether one run is better than another."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqlstm.cli.commands.evaluate import write_translations
from seqlstm.cli.console import note, out, table, write
from seqlstm.cli.evaluation_options import References, Tokenize
from seqlstm.cli.options import (
    Batch,
    Device,
    Overwrite,
    PrecisionChoice,
    Streams,
    WeightsChoice,
    WhichPrecision,
    WhichWeights,
)
from seqlstm.cli.output_files import prepare_output, refuse_overwrite
from seqlstm.errors import ArgumentError
from seqlstm.runtime.finite_json import finite_json

if TYPE_CHECKING:
    from seqlstm.evaluation.significance import SystemScore
    from seqlstm.recipe.tasks.base import ComparedRuns


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="Run folders; the first is the baseline."),
    ],
    split: Annotated[
        str, typer.Option(help="The split to score; join several by +: validation+test.")
    ] = "test",
    source: Annotated[
        str | None,
        typer.Option(help="Other data than the first run's, in the form of `evaluate --source`."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Save the translations of each run: DIR/1-RUN.txt, …"),
    ] = None,
    overwrite: Overwrite = False,
    resamples: Annotated[
        int, typer.Option(min=1, help="Bootstrap resamples of the test set.")
    ] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    tokenize: Tokenize = None,
    references: References = None,
    beam_size: Annotated[
        int | None,
        typer.Option(min=1, help="Beam size of all runs, instead of their recipes'; 1: greedy."),
    ] = None,
    length_penalty: Annotated[
        float | None, typer.Option(min=0, help="GNMT's α of all runs; 0: none.")
    ] = None,
    batch: Batch = None,
    streams: Streams = None,
    weights: WhichWeights = WeightsChoice.best,
    device: Device = "auto",
    precision: WhichPrecision = PrecisionChoice.float32,
) -> None:
    """Compare runs on one test set with the first run, by a paired bootstrap test.

    Translators: sacreBLEU's test of BLEU, chrF and TER. Language models: bits per byte, resampled
    by documents or lines. Each p compares one run with the first, without correction for the number
    of runs; equal scores have no p. To compare over several seeds, use `seqlstm sweep`.
    """
    from seqlstm.recipe.compare import compare as measure

    refuse_overwrite(overwrite, output, option="--output")
    if output:
        prepare_folder(output, files_of(runs, output), overwrite=overwrite)
    compared = measure(
        runs,
        split=split,
        source=source,
        beam_size=beam_size,
        length_penalty=length_penalty,
        tokenize=tokenize,
        references=references or None,
        batch=batch,
        streams=streams,
        resamples=resamples,
        output=output is not None,
        weights=weights.value,
        device=device,
        precision=precision.value,
    )
    if output:
        write_all(compared.translations, output)
    for line in compared.notes:
        note(line)
    if as_json:
        write(json.dumps(as_object(compared), ensure_ascii=False))
    else:
        show(compared)


def prepare_folder(output: Path, files: Iterable[Path], *, overwrite: bool) -> None:
    """Make sure that a folder and its files can be written, before minutes of translation."""
    existed = output.is_dir()
    try:
        output.mkdir(exist_ok=True)
    except OSError as error:
        raise ArgumentError(f"{output} cannot be made: {error.strerror}") from error
    try:
        for file in files:
            prepare_output(file, overwrite=overwrite)
    finally:
        if not existed:
            output.rmdir()


def write_all(translations: dict[str, list[str]], output: Path) -> None:
    """Write each run's translations to its file."""
    output.mkdir(exist_ok=True)
    files = files_of(map(Path, translations), output)
    for file, lines in zip(files, translations.values(), strict=True):
        write_translations(lines, file)


def files_of(runs: Iterable[Path], output: Path) -> list[Path]:
    """The file of each run, NUMBER-NAME.txt: two run folders can have the same name."""
    return [output / f"{number}-{run.resolve().name}.txt" for number, run in enumerate(runs, 1)]


def as_object(compared: ComparedRuns) -> dict[str, Any]:
    standings = compared.comparison.scores
    return {
        "rows": compared.rows,
        "runs": {
            run: {name: finite_json(asdict(score)) for name, score in standings[run].items()}
            | {"signature": signature}
            for run, signature in compared.signatures.items()
        },
        "signatures": compared.comparison.signatures,
    }


def show(compared: ComparedRuns) -> None:
    """Print a row for every run and score, and the signatures below."""
    standings, signatures = compared.comparison.scores, compared.comparison.signatures
    shown = table("score", "run", "value", "mean ± 95 %", "difference", "p")
    for column in shown.columns[2:]:
        column.justify = "right"
    for name in signatures:
        for number, (run, scores) in enumerate(standings.items()):
            label = "" if number else name.replace("_", " ")
            shown.add_row(label, run, *cells(scores[name]))
    out.print(shown)
    for name, signature in [*signatures.items(), *compared.signatures.items()]:
        note(f"{name} {signature}")


def cells(system: SystemScore) -> tuple[str, ...]:
    difference = "" if system.difference is None else f"{system.difference:+.4f}"
    if system.difference_ci is not None:
        difference += f" ± {system.difference_ci:.4f}"
    p = "" if system.p is None else f"{system.p:.4f}"
    return f"{system.score:.4f}", f"{system.mean:.4f} ± {system.ci:.4f}", difference, p
