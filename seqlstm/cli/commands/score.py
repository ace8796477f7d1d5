"""`seqlstm score`: the probability of each line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqlstm.cli.console import note, warn, write
from seqlstm.cli.inputs import in_groups, line_groups, lines_of
from seqlstm.cli.options import (
    Device,
    Errors,
    PrecisionChoice,
    Run,
    WeightsChoice,
    WhichPrecision,
    WhichWeights,
    load_any,
    load_language_model,
)
from seqlstm.errors import DataError

if TYPE_CHECKING:
    from seqlstm.inference.scoring import Score
    from seqlstm.inference.streaming_score import StreamingScorer


def score(
    run: Run,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="Lines; for a translator: source, a tab, target. Default: standard input.",
        ),
    ] = None,
    tokens: Annotated[
        bool,
        typer.Option("--tokens", help="Below each line, print its pieces with their surprisal."),
    ] = False,
    stream: Annotated[
        bool,
        typer.Option(
            "--stream",
            help="Read one text, possibly endless (`tail -f`): each line is scored when it "
            "arrives, given all lines before it.",
        ),
    ] = False,
    batch: Annotated[int, typer.Option(min=1, help="Lines in a batch.")] = 64,
    errors: Errors = "strict",
    weights: WhichWeights = WeightsChoice.best,
    device: Device = "auto",
    precision: WhichPrecision = PrecisionChoice.float32,
) -> None:
    """Score each line: log-probability (nats), perplexity per piece, surprisal (bits), the line.

    Columns are separated by tabs. Each line is scored by itself, together with its end. `--tokens`
    adds a line for each piece: a tab, its surprisal, a tab, the piece. With `--errors replace` a
    line without its tab has the score nan.

    `--stream` carries the model's state from line to line, in constant memory, and adds a column of
    bits per byte. The totals follow on standard error, also after Ctrl-C.
    """
    if stream:
        from seqlstm.inference.streaming_score import StreamingScorer

        model = load_language_model(
            run, weights=weights.value, device=device, precision=precision.value
        )
        groups = line_groups(file, from_file=batch, from_pipe=batch, errors=errors)
        score_stream(StreamingScorer(model), groups, tokens=tokens)
        return
    loaded = load_any(run, weights=weights.value, device=device, precision=precision.value)
    parse = partial(pair, errors=errors) if loaded.scores_pairs else lambda line, _: line
    lines = enumerate(lines_of(file, errors=errors), 1)
    for rows in in_groups(((line, parse(line, number)) for number, line in lines), batch):
        inputs: list[Any] = [input for _, input in rows if input is not None]
        scores = iter(loaded.score(inputs))
        for line, input in rows:
            result = None if input is None else next(scores)
            write(f"{columns(result)}\t{line}")
            if tokens and result:
                write_pieces(result)


def columns(score: Score | None) -> str:
    if score is None:
        return "nan\tnan\tnan"
    return f"{score.log_probability:.4f}\t{score.perplexity:.4g}\t{score.surprisal:.4f}"


def write_pieces(score: Score) -> None:
    for piece, surprisal in zip(score.pieces, score.surprisals, strict=True):
        write(f"\t{surprisal:.4f}\t{piece}".replace("\n", "\\n"))


def score_stream(scorer: StreamingScorer, groups: Iterator[list[str]], *, tokens: bool) -> None:
    """Score lines when they arrive, until they end or until Ctrl-C; then print the totals."""
    from seqlstm.inference.streaming_score import per_byte

    try:
        for lines in groups:
            for result in scorer.push(lines):
                bits = per_byte(-result.log_probability, scorer.bytes_of(result.text))
                write(f"{columns(result)}\t{bits:.4f}\t{result.text}")
                if tokens:
                    write_pieces(result)
    except KeyboardInterrupt:
        pass
    note(
        f"{scorer.lines:,} lines, {scorer.tokens:,} pieces, {scorer.bytes:,} bytes: "
        f"{scorer.nats:.4f} nats, perplexity {scorer.perplexity:.4g} per piece, "
        f"{scorer.bits_per_byte:.4f} bits per byte"
    )


def pair(line: str, number: int, *, errors: str) -> tuple[str, str] | None:
    """Source and target; for `--errors replace`, None and a warning if there are not these two."""
    parts = line.split("\t")
    if len(parts) != 2 and errors == "replace":
        warn(f"line {number} has no score: it has {len(parts)} columns, not 2")
        return None
    if len(parts) != 2:
        raise DataError(
            f"line {number} must have 2 columns, separated by a tab, has {len(parts)}",
            hint="A translator scores pairs: source, tab, target.",
        )
    return parts[0], parts[1]
