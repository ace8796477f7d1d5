"""`seqlstm generate`: text that goes on."""

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
    PrecisionChoice,
    Run,
    WeightsChoice,
    WhichPrecision,
    WhichWeights,
    load_language_model,
)
from seqlstm.errors import ArgumentError

if TYPE_CHECKING:
    from seqlstm.inference.continuations import Continuation

Many = partial(typer.Option, rich_help_panel="Many at once")


def generate(
    run: Run,
    prompt: Annotated[
        str | None,
        typer.Argument(metavar="[PROMPT]", help="What to go on from; else standard input."),
    ] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Pieces, at most.")] = 200,
    temperature: Annotated[
        float, typer.Option(min=0, help="0 is greedy; lower is safer, higher bolder.")
    ] = 0.8,
    top_k: Annotated[int, typer.Option(min=0, help="Draw from the k likeliest; 0: all.")] = 0,
    top_p: Annotated[
        float, typer.Option(min=1e-6, max=1, help="Draw from the likeliest that make up p.")
    ] = 1.0,
    min_p: Annotated[
        float, typer.Option(min=0, max=1, help="Drop what is less than this times the likeliest.")
    ] = 0.0,
    repetition_penalty: Annotated[
        float, typer.Option(min=1, help="On recent pieces; 1: none.")
    ] = 1.0,
    seed: Annotated[int | None, typer.Option(min=0, help="The same seed, the same text.")] = None,
    stop: Annotated[str | None, typer.Option(help="End before this text.")] = None,
    count: Annotated[
        int | None,
        Many("--sample", "--n", min=1, metavar="N", help="Write N continuations, a line each."),
    ] = None,
    batch: Annotated[
        int | None, Many(min=1, help="Continuations that are written side by side: 64.")
    ] = None,
    as_json: Annotated[bool, Many("--json", help="One JSON object a line.")] = False,
    weights: WhichWeights = WeightsChoice.best,
    device: Device = "auto",
    precision: WhichPrecision = PrecisionChoice.float32,
) -> None:
    """Write on from a prompt, as it comes.

    On a terminal without PROMPT it is a session: you write, the model writes on, and it remembers
    all that came before, until Ctrl-D; /help lists commands. With `--sample N` a line is a text:
    prompt and continuation, line ends written as `\\n`; the seeds are SEED, SEED + 1, …
    """
    if stop == "":
        raise ArgumentError("--stop needs a text at which to stop")
    if batch and not count:
        raise ArgumentError("--batch cannot take effect without --sample")
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
        prompt = "" if sys.stdin.isatty() else "\n".join(lines_of(None))
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
    """A line for each."""
    for one in samples:
        if as_json:
            write(json.dumps({"prompt": prompt, **asdict(one)}, ensure_ascii=False))
        else:
            write(f"{prompt}{one.text}".replace("\n", "\\n"))
