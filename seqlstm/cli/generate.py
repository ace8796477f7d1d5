"""`seqlstm generate`: text that goes on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqlstm.cli.arguments import (
    Device,
    Precision,
    Run,
    Weights,
    WhichPrecision,
    WhichWeights,
    load_language_model,
)
from seqlstm.cli.console import note, write
from seqlstm.cli.inputs import lines_of, on_terminal, prompts
from seqlstm.errors import ArgumentError

if TYPE_CHECKING:
    from seqlstm.inference.language import Session


def generate(
    run: Run,
    prompt: Annotated[
        str | None,
        typer.Argument(metavar="[PROMPT]", help="What to go on from; else standard input."),
    ] = None,
    length: Annotated[int, typer.Option(min=1, help="Pieces, at most.")] = 200,
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
    repetition: Annotated[
        float, typer.Option(min=1, help="Penalty on recent pieces; 1: none.")
    ] = 1.0,
    seed: Annotated[int | None, typer.Option(min=0, help="The same seed, the same text.")] = None,
    stop: Annotated[str | None, typer.Option(help="End before this text.")] = None,
    weights: WhichWeights = Weights.best,
    device: Device = "auto",
    precision: WhichPrecision = Precision.float32,
) -> None:
    """Write on from a prompt, as it comes.

    On a terminal without PROMPT it is a session: you write, the model writes on, and it remembers
    all that came before, until Ctrl-D.
    """
    if stop == "":
        raise ArgumentError("--stop needs a text at which to stop")
    loaded = load_language_model(
        run, weights=weights.value, device=device, precision=precision.value
    )
    options = {
        "length": length,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "repetition": repetition,
        "seed": seed,
        "stop": stop,
    }
    session = loaded.session()
    if prompt is None and on_terminal():
        converse(session, options)
        return
    if prompt is None:
        prompt = "" if sys.stdin.isatty() else "\n".join(lines_of(None))
    session.read(prompt)
    go_on(session, prompt, options)


def converse(session: Session, options: dict[str, Any]) -> None:
    """Prompt and answer in turn, on one state."""
    note("Write something; the model writes on. An empty line lets it go on. Ctrl-D ends.")
    for text in prompts(">"):
        session.read(text)
        try:
            go_on(session, text, options)
        except KeyboardInterrupt:
            write("")


def go_on(session: Session, prompt: str, options: dict[str, Any]) -> None:
    write(prompt, end="")
    for part in session.stream(**options):
        write(part, end="")
    write("")
