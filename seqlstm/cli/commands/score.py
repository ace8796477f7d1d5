"""`seqlstm score`: how probable a text is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqlstm.cli.console import note, write
from seqlstm.cli.inputs import in_groups, lines_at_hand, lines_of
from seqlstm.cli.options import (
    Device,
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
            help="Lines; for a translator pairs, source and target with a tab between them. "
            "Else standard input.",
        ),
    ] = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Below each line, its pieces and their surprisal.")
    ] = False,
    stream: Annotated[
        bool,
        typer.Option(
            "--stream",
            help="One text that may never end, as of `tail -f`: each line is told from all before "
            "it, as it comes.",
        ),
    ] = False,
    batch: Annotated[int, typer.Option(min=1, help="Lines at once.")] = 64,
    weights: WhichWeights = WeightsChoice.best,
    device: Device = "auto",
    precision: WhichPrecision = PrecisionChoice.float32,
) -> None:
    """How probable each line is: log-probability (nats), perplexity, surprisal (bits), the line.

    Columns have tabs between them. A line counts by itself, with what ends it; perplexity is per
    piece. `--tokens` adds a line for each piece: a tab, its surprisal, a tab, the piece.

    `--stream` carries the model's state from line to line, in constant memory, and gives bits per
    byte before the line; the sums come last, on standard error, after Ctrl-C too.
    """
    if stream:
        from seqlstm.inference.streaming_score import StreamingScorer

        model = load_language_model(
            run, weights=weights.value, device=device, precision=precision.value
        )
        groups = in_groups(lines_of(file), batch) if file else lines_at_hand(batch)
        follow(StreamingScorer(model), groups, tokens=tokens)
        return
    loaded = load_any(run, weights=weights.value, device=device, precision=precision.value)
    number = 0
    for lines in in_groups(lines_of(file), batch):
        inputs: Any = lines
        if loaded.scores_pairs:
            inputs = [pair(line, number + index) for index, line in enumerate(lines, 1)]
        found = loaded.score(inputs)
        number += len(lines)
        for line, one in zip(lines, found, strict=True):
            write(f"{one.log_probability:.4f}\t{one.perplexity:.4g}\t{one.surprisal:.4f}\t{line}")
            if tokens:
                write_pieces(one)


def write_pieces(score: Score) -> None:
    for piece, surprisal in zip(score.pieces, score.surprisals, strict=True):
        write(f"\t{surprisal:.4f}\t{piece}".replace("\n", "\\n"))


def follow(follower: StreamingScorer, groups: Iterator[list[str]], *, tokens: bool) -> None:
    """Answer lines as they come until they end or somebody has had enough; then sum up."""
    from seqlstm.inference.streaming_score import per_byte

    try:
        for lines in groups:
            for one in follower.push(lines):
                bits = per_byte(-one.log_probability, follower.bytes_of(one.text))
                write(
                    f"{one.log_probability:.4f}\t{one.perplexity:.4g}\t{one.surprisal:.4f}"
                    f"\t{bits:.4f}\t{one.text}"
                )
                if tokens:
                    write_pieces(one)
    except KeyboardInterrupt:
        pass
    note(
        f"{follower.lines:,} lines, {follower.tokens:,} pieces, {follower.bytes:,} bytes: "
        f"{follower.nats:.4f} nats, perplexity {follower.perplexity:.4g} per piece, "
        f"{follower.bits_per_byte:.4f} bits per byte"
    )


def pair(line: str, number: int) -> tuple[str, str]:
    parts = line.split("\t")
    if len(parts) != 2:
        raise DataError(
            f"line {number} has {len(parts)} columns",
            hint="A translator scores pairs: source, a tab, target.",
        )
    return parts[0], parts[1]
