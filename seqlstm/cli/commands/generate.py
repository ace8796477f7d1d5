"""`seqlstm generate`: continue a text with a language model."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from secrets import randbits
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqlstm.cli.console import out, write
from seqlstm.cli.inputs import lines_of, on_terminal, prompts
from seqlstm.cli.options import (
    Device,
    Errors,
    PrecisionChoice,
    Run,
    WeightsChoice,
    WhichPrecision,
    WhichWeights,
    load_language_model,
)
from seqlstm.errors import ArgumentError
from seqlstm.runtime.text_input import as_in_file

if TYPE_CHECKING:
    from seqlstm.inference.continuations import Continuation

Samples = partial(typer.Option, rich_help_panel="Samples")


def generate(
    run: Run,
    prompt: Annotated[
        str | None,
        typer.Argument(metavar="[PROMPT]", help="The text to continue; default: standard input."),
    ] = None,
    max_new_tokens: Annotated[
        int, typer.Option(min=1, max=10**9, help="Maximal length of a continuation, in pieces.")
    ] = 200,
    temperature: Annotated[
        float, typer.Option(min=0, max=1e6, help="0: greedy; higher: more varied.")
    ] = 0.8,
    top_k: Annotated[
        int, typer.Option(min=0, help="Sample from the k most probable pieces; 0: from all.")
    ] = 0,
    top_p: Annotated[
        float,
        typer.Option(
            min=1e-6, max=1, help="Sample from the most probable pieces whose sum reaches p."
        ),
    ] = 1.0,
    min_p: Annotated[
        float,
        typer.Option(min=0, max=1, help="Drop pieces below this share of the most probable one."),
    ] = 0.0,
    repetition_penalty: Annotated[
        float, typer.Option(min=1, help="For recent pieces; 1: none.")
    ] = 1.0,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed makes the same text.")
    ] = None,
    stop: Annotated[str | None, typer.Option(help="End before this text.")] = None,
    count: Annotated[
        int | None,
        Samples(
            "--sample", "--n", min=1, metavar="N", help="Write N continuations, one line each."
        ),
    ] = None,
    batch: Annotated[int | None, Samples(min=1, help="Continuations in a batch: 64.")] = None,
    as_json: Annotated[bool, Samples("--json", help="Print one JSON object per line.")] = False,
    errors: Errors = "strict",
    weights: WhichWeights = WeightsChoice.best,
    device: Device = "auto",
    precision: WhichPrecision = PrecisionChoice.float32,
) -> None:
    """Continue a prompt, and print the text while the model writes it.

    On a terminal without PROMPT it is an interactive session: you write, the model continues, and
    it remembers the whole text; /help lists commands, Ctrl-D ends. With `--sample N` each text is
    one line of prompt and continuation, line ends written as `\\n`, with seeds SEED, SEED + 1, …
    """
    if stop == "":
        raise ArgumentError("--stop must be a text to stop at, was empty")
    if batch and not count:
        raise ArgumentError("--batch cannot take effect without --sample")
    if errors != "strict" and (prompt is not None or sys.stdin.isatty()):
        raise ArgumentError("--errors cannot take effect without a prompt from a file or a pipe")
    loaded = load_language_model(
        run, weights=weights.value, device=device, precision=precision.value
    )
    options: dict[str, Any] = {
        "max_new_tokens": max_new_tokens,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "repetition_penalty": repetition_penalty,
        "seed": randbits(31) if seed is None else seed,
        "stop": stop,
    }
    if prompt is None and on_terminal() and not (count or as_json):
        from seqlstm.cli.interactive.writing import COMMAND_NAMES, WritingSession

        WritingSession(loaded, options, out).run(prompts(">", commands=COMMAND_NAMES))
        return
    if prompt is None:
        prompt = "" if sys.stdin.isatty() else "\n".join(lines_of(None, errors=errors))
    prompt = as_in_file(prompt)
    if count or as_json:
        show_samples(
            loaded.samples(prompt, count=count or 1, batch=batch or 64, **options),
            prompt,
            as_json=as_json,
        )
        return
    session = loaded.session()
    session.read(prompt)
    write(prompt, end="")
    for part in session.stream(**options):
        write(part, end="")
    write("")


def show_samples(samples: Iterable[Continuation], prompt: str, *, as_json: bool) -> None:
    """Print a line for each sample."""
    for sample in samples:
        if as_json:
            write(json.dumps({"prompt": prompt, **asdict(sample)}, ensure_ascii=False))
        else:
            write(f"{prompt}{sample.text}".replace("\n", "\\n"))
