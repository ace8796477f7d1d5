"""`seqlstm translate`: a file, a pipe or a conversation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqlstm.cli.arguments import (
    Device,
    Precision,
    Run,
    Weights,
    WhichPrecision,
    WhichWeights,
    load_translator,
)
from seqlstm.cli.console import note, write
from seqlstm.cli.inputs import in_groups, lines_at_hand, lines_of, on_terminal, prompts
from seqlstm.errors import ArgumentError

if TYPE_CHECKING:
    from seqlstm.inference.lines import Translation
    from seqlstm.inference.translation import LoadedTranslator

FILE_GROUP = 20  # batches of a file that are sorted by length together


def translate(
    run: Run,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Lines to translate; else standard input."),
    ] = None,
    width: Annotated[int | None, typer.Option(min=1, help="Of the beam; 1 is greedy.")] = None,
    n_best: Annotated[int, typer.Option(min=1, help="Translations of each line.")] = 1,
    length_penalty: Annotated[
        float | None, typer.Option(min=0, help="GNMT's alpha; 0 for none, higher for longer.")
    ] = None,
    batch: Annotated[
        int, typer.Option(min=1, help="Lines at once, at most; a pipe's are answered as they come.")
    ] = 64,
    scores: Annotated[
        bool, typer.Option("--scores", help="Put score and log-probability (nats) before each.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    weights: WhichWeights = Weights.best,
    device: Device = "auto",
    precision: WhichPrecision = Precision.float32,
) -> None:
    """Translate raw text: one line in, one line out, in their order, empty lines included.

    On a terminal without FILE it asks for lines until Ctrl-D. With `--n-best N` each line gives at
    most N lines of number, tab and translation.
    """
    loaded = load_translator(run, weights=weights.value, device=device, precision=precision.value)
    if n_best > (width or loaded.width):
        raise ArgumentError(
            f"--n-best {n_best} is more than the beam's width {width or loaded.width}",
            hint=f"Widen it: --width {n_best}.",
        )
    search: dict[str, Any] = {"width": width, "length_penalty": length_penalty, "n_best": n_best}
    style: dict[str, bool] = {"scores": scores, "as_json": as_json, "numbered": n_best > 1}
    if file is None and on_terminal():
        note("One line at a time; Ctrl-D ends.")
        for number, line in enumerate(prompts(">")):
            show(loaded, [line], number, {"batch": 1, **search}, style)
        return
    number = 0
    groups = in_groups(lines_of(file), batch * FILE_GROUP) if file else lines_at_hand(batch)
    for lines in groups:
        show(loaded, lines, number, {"batch": batch, **search}, style)
        number += len(lines)


def show(
    loaded: LoadedTranslator,
    lines: list[str],
    first: int,
    search: dict[str, Any],
    style: dict[str, bool],
) -> None:
    """Translate and print some lines, numbered from `first`."""
    found = loaded.translations(lines, **search)
    for number, (line, best) in enumerate(zip(lines, found, strict=True), first + 1):
        if style["as_json"]:
            write(json.dumps(as_object(line, best), ensure_ascii=False))
            continue
        for one in best:
            columns = [str(number)] if style["numbered"] else []
            if style["scores"]:
                columns += [f"{one.score:.4f}", f"{one.log_probability:.4f}"]
            write("\t".join([*columns, one.text]))


def as_object(line: str, best: list[Translation]) -> dict[str, Any]:
    return {
        "source": line,
        "translations": [
            {"text": one.text, "score": one.score, "log_probability": one.log_probability}
            for one in best
        ],
    }
